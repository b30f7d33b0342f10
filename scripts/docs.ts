/** `npm run docs`: writes the pages that are made from code; with `--demo` also the demo's output in the README, from a run. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { demoOutput, withDemo } from './demo-block.ts'
import { generatedPages } from './pages.ts'

const root = resolve(import.meta.dirname, '..')

function current(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

function* pages(): Generator<readonly [path: string, text: string]> {
  yield* generatedPages()
  if (process.argv.includes('--demo'))
    yield ['README.md', withDemo(current(join(root, 'README.md')) ?? '', demoOutput())]
}

for (const [path, text] of pages()) {
  const file = join(root, path)
  const changed = current(file) !== text
  if (changed) writeFileSync(file, text)
  process.stdout.write(`${changed ? 'written  ' : 'unchanged'} ${path}\n`)
}
