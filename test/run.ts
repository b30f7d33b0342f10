/**
 * `npm test`: every suite that this machine can run, cheapest first, and one line for each that it cannot. With CI=true
 * nothing may be left out. `npm test -- unit contract` runs only those.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { leftOut } from './left-out.ts'

const root = resolve(import.meta.dirname, '..')
const SUITES = ['unit', 'contract', 'docs', 'simulation', 'integration', 'faults'] as const
type Suite = (typeof SUITES)[number]
const PYTHONS = ['python3', '/usr/bin/python3', 'python']

function onPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)))
}

function hasNumpy(python: string): boolean {
  return spawnSync(python, ['-c', 'import numpy']).status === 0
}

function runSuite(suite: Suite, files: string[]): Promise<boolean> {
  process.stdout.write(`\n== ${suite}: ${files.length} files\n`)
  const together = suite === 'unit' || suite === 'docs' ? availableParallelism() : 1
  const args = ['--test', `--test-concurrency=${together}`, '--test-timeout=600000', '--test-reporter=spec', ...files]
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  return new Promise((done) => child.on('exit', (code) => done(code === 0)))
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2).filter((name) => name !== '--')
  const unknown = wanted.filter((name) => !SUITES.some((suite) => suite === name))
  if (unknown.length > 0) {
    process.stderr.write(`No suite named ${unknown.join(', ')}; there are ${SUITES.join(', ')}\n`)
    return 2
  }
  const failed: Suite[] = []
  for (const suite of SUITES) {
    if (wanted.length > 0 && !wanted.includes(suite)) continue
    const files = globSync(`test/${suite}/**/*.test.ts`, { cwd: root }).sort()
    if (files.length > 0 && !(await runSuite(suite, files))) failed.push(suite)
  }
  const lacks = leftOut({ env: process.env, onPath, hasNumpy: () => PYTHONS.some(hasNumpy) })
  for (const { what } of lacks) process.stdout.write(`left out: ${what}\n`)
  if (process.env['CI'] === 'true' && lacks.some(({ allowed }) => !allowed) && wanted.length === 0) {
    process.stdout.write(
      'With CI=true nothing may be left out (labelled data only with TEST_WITHOUT_ANOMALY_DATA=true).\n',
    )
    return 1
  }
  process.stdout.write(failed.length === 0 ? 'all suites passed\n' : `failed: ${failed.join(', ')}\n`)
  return failed.length === 0 ? 0 : 1
}

process.exitCode = await main()
