import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { measured } from '../../../src/bench/measured.ts'

const ROWS = 1_000

/** Microseconds of this process's CPU. */
function burn(microseconds: number): void {
  for (const end = process.cpuUsage().user + microseconds; process.cpuUsage().user < end; );
}

test('work is measured by its own time and CPU: waiting counts as time, a busy loop as both and as delay', async () => {
  const startedMs = performance.now()
  const idle = await measured(ROWS, null, async () => void (await sleep(200)))
  const elapsedS = (performance.now() - startedMs) / 1000
  assert.ok(idle.rowsPerSecond <= ROWS / 0.19 && idle.rowsPerSecond >= ROWS / elapsedS, `${idle.rowsPerSecond}`)

  const before = process.cpuUsage()
  const busy = await measured(ROWS, null, async () => {
    await sleep(20) // the timer that notices delays runs from here on
    burn(100_000)
    await sleep(20)
  })
  const { user, system } = process.cpuUsage(before)
  const cpuSeconds = ((busy.cpuSecondsPerMillion ?? Number.NaN) * ROWS) / 1e6
  assert.ok(cpuSeconds >= 0.1 && cpuSeconds <= (user + system) / 1e6, `${cpuSeconds} s`)
  const { p50, p99, max } = busy.loopDelayMs ?? assert.fail('no delay')
  assert.ok(p50 >= 0 && p50 <= p99 && p99 <= max && max >= 50, `${p50} ${p99} ${max}`)
  assert.ok((busy.peakRssMb ?? Number.NaN) > 10)
  assert.equal(busy.postgresCpuSecondsPerMillion, null)
})

test('garbage collection is a share of the CPU of the work', async () => {
  const kept: object[] = []
  const { gcShare } = await measured(ROWS, null, async () => {
    for (let round = 0; round < 200_000; round++) kept.push({ round })
    for (let round = 0; round < 20; round++) Array.from({ length: 100_000 }, (_, index) => ({ index }))
  })
  assert.equal(kept.length, 200_000)
  assert.ok(gcShare !== null && gcShare > 0 && Number.isFinite(gcShare), `${gcShare}`)
})

test("the CPU of another tree of processes is taken from its root, and the work's failure is the caller's", async () => {
  const own = await measured(ROWS, process.pid, async () => burn(100_000))
  if (process.platform === 'linux') assert.ok((own.postgresCpuSecondsPerMillion ?? Number.NaN) * ROWS >= 0.08 * 1e6)
  const failing = async (): Promise<void> => {
    throw new RangeError('as the work does')
  }
  await assert.rejects(measured(ROWS, null, failing), RangeError)
})
