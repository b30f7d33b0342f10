/** `npm run check`: types, lint with the layer rules, dead code. One line each; the output of those that failed below. */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { styleText } from 'node:util'

const root = resolve(import.meta.dirname, '..')

interface Check {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

const CHECKS: readonly Check[] = [
  { name: 'types', command: 'tsc', args: ['--noEmit'] },
  { name: 'lint', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'dead code', command: 'knip', args: [] },
]

function outcome({ command, args }: Check): Promise<{ ok: boolean; output: string }> {
  const child = spawn(join(root, 'node_modules', '.bin', command), args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  let output = ''
  const hear = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  return new Promise((done) => {
    child.on('error', (error) => done({ ok: false, output: `${command}: ${error.message}\n` }))
    child.on('close', (code) => done({ ok: code === 0, output }))
  })
}

/** One after the other: each uses every core by itself. */
async function main(): Promise<number> {
  let failed = 0
  for (const check of CHECKS) {
    const { ok, output } = await outcome(check)
    process.stdout.write(`${ok ? styleText('green', '✓') : styleText('red', '✗')} ${check.name}\n`)
    if (ok) continue
    failed++
    process.stdout.write(output)
  }
  return failed === 0 ? 0 : 1
}

process.exitCode = await main()
