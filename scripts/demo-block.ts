/** The demo's output in the README: from a real run of `npm run demo`, between two comments. */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const root = resolve(import.meta.dirname, '..')
const BEGIN = '<!-- demo:begin -->\n'
const END = '<!-- demo:end -->'

/** Runs the demo; throws with what it said where it failed. */
export function demoOutput(): string {
  const entry = join(root, 'bin', 'insighthub-processor.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, 'demo'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  if (status !== 0) throw new Error(`the demo ended with ${status}:\n${stdout}${stderr}`)
  return stripVTControlCharacters(stdout).trim()
}

/** The README with this output in its place, as a block of code. */
export function withDemo(readme: string, output: string): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the README has no ${BEGIN.trim()} before ${END}`)
  return `${readme.slice(0, from)}${BEGIN}\n${indented(output)}\n${readme.slice(to)}`
}

function indented(output: string): string {
  const lines = ['$ npm run demo', ...output.split('\n')]
  return lines.map((line) => (line === '' ? '\n' : `    ${line}\n`)).join('')
}
