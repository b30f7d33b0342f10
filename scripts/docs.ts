/** `npm run docs`: writes the pages that are made from code. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { generatedPages } from './pages.ts'

const root = resolve(import.meta.dirname, '..')

function current(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

for (const [path, text] of generatedPages()) {
  const file = join(root, path)
  const changed = current(file) !== text
  if (changed) writeFileSync(file, text)
  process.stdout.write(`${changed ? 'written  ' : 'unchanged'} ${path}\n`)
}
