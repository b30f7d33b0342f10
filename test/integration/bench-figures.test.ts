/**
 * `bench` as it is typed, but short: every part of the line, psql's own, latency at a steady rate and a drain, on parts of its own. Its
 * figures are of a few thousand logs and say nothing of speed; they are all there, and fit together.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Figure } from '../../src/bench/figures.ts'
import { PARTS, type Report } from '../../src/bench/report.ts'
import { psqlMissing } from '../../src/commands/bench-parts.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const ROWS = 4_000
const RATE = 500
const BACKLOG = 30_000

/** Those that are known; a figure that could not be read is null, and never a number that is none. */
function known(figure: Figure): number[] {
  const { loopDelayMs, ...numbers } = figure
  return [...Object.values(numbers), ...Object.values(loopDelayMs ?? {})].filter((each) => each !== null)
}

test('a short benchmark has a figure for everything it was asked, and none that cannot be', {
  timeout: 600_000,
}, async () => {
  const sizes = ['--rows', ROWS, '--age-rate', RATE, '--age-seconds', 2, '--drain-rows', BACKLOG].map(String)
  const command = [main, 'bench', '--json', '--only', 'parts,age,drain', '--rounds', '1', ...sizes]
  const child = spawn(process.execPath, command, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  assert.equal(code, 0, said)
  const report = JSON.parse(stdout) as Report
  assert.deepEqual([report.rows, report.rounds, report.notes.length], [ROWS, 1, psqlMissing() === null ? 0 : 1])

  for (const part of PARTS) {
    const [figure, ...more] = report.all[part]
    assert.deepEqual(more, [], part)
    if (part.startsWith('psql') && psqlMissing() !== null) continue
    assert.ok(figure !== undefined && figure.rowsPerSecond > 0, part)
    for (const value of known(figure)) assert.ok(Number.isFinite(value) && value >= 0, `${part}: ${said}`)
  }
  // PostgreSQL's CPU is counted in hundredths of a second, of which so few rows may take none.
  for (const part of ['sink-1', 'sink-2', 'source'] as const)
    assert.ok((report.all[part][0]?.cpuSecondsPerMillion ?? 0) > 0, part)
  assert.equal(report.all.source[0]?.postgresCpuSecondsPerMillion, null, 'it stores nothing')

  const { latency, drain } = report
  assert.ok(latency !== null && drain !== null)
  const { p50, p99, p999, max, sendP50, sendP99 } = latency
  assert.ok(p50 > 0 && p50 <= p99 && p99 <= p999 && p999 <= max, JSON.stringify(latency))
  assert.ok(sendP50 > 0 && sendP50 <= sendP99, JSON.stringify(latency))
  assert.ok(latency.logs >= RATE, `${latency.logs} logs`)

  assert.deepEqual([drain.backlog, drain.arriving], [BACKLOG, RATE])
  for (const value of [drain.steadyRowsPerSecond, drain.caughtUpSeconds])
    assert.ok(Number.isFinite(value) && value > 0, JSON.stringify(drain))
  // Not known where a machine was so busy that nobody saw the backlog on its way.
  const { rowsPerSecond, slowestTenth } = drain as Record<keyof typeof drain, number | null>
  assert.ok(rowsPerSecond === null || rowsPerSecond > 0, JSON.stringify(drain))
  assert.ok(slowestTenth === null || slowestTenth > 0, JSON.stringify(drain))
})
