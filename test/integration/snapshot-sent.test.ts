/**
 * How long the sending of a snapshot keeps everything else waiting: the CPU of the longest turn of the event loop, beside that of a loop
 * that every machine knows, the same bytes as hexadecimal text. Sent as such a text, as it once was, a snapshot took 39 to 54 ms, now 4.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadyRange } from '../../src/pipeline.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { logStore, NAMESPACE, pinRequest } from '../support/log-store.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { logAt, readyRange } from '../support/ready-ranges.ts'

const server = withServer()
const STATE_BYTES = 12 << 20
const ROUNDS = 5
const LOGS = 100
/** As fine as kernels count a thread's CPU. */
const TICK_MS = 4

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** CPU of the longest turn of the event loop until the work is done. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let done = false
  let last = cpuMs()
  const turn = (): void => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
    if (!done) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  done = true
  return longest
}

test('no turn of the event loop is longer for a snapshot of 12 MiB than a text of it would take', {
  timeout: 600_000,
}, async (t) => {
  const database = await migratedDatabase(server())
  const names = { namespace: NAMESPACE, group: 'g', owner: 'o' }
  const ledger = new PostgresLedger({ database: database.options, ...names, epochStep: () => 1 })
  await ledger.pin(pinRequest([0]))
  await ledger.claim([0])
  const store = logStore(database.options, ledger)
  // In use to the last byte, as no state seen was: the longest that packing can take.
  const state = new Uint8Array(STATE_BYTES).map((_, i) => (i * 7_919) >>> 5)
  let sent = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const from = round * LOGS
    const logs = Array.from({ length: LOGS }, (_, i) => logAt(from + i))
    const snapshot = { partition: 0, atOffset: from + LOGS, format: 8, state }
    const range: ReadyRange = readyRange({ from, count: LOGS }, { logs, snapshot })
    sent = Math.min(sent, await longestTurn(() => store.commit({ lane: 0, ranges: [range] })))
  }
  const before = cpuMs()
  for (let round = 0; round < ROUNDS; round++)
    assert.equal(Buffer.from(state.buffer).toString('hex').length, 2 * STATE_BYTES)
  const text = (cpuMs() - before) / ROUNDS
  t.diagnostic(`${sent.toFixed(1)} ms of CPU in the longest turn, ${text.toFixed(1)} ms for the text`)
  const snapshot = (await ledger.claim([0])).claims[0]?.snapshot
  assert.equal(snapshot?.atOffset, ROUNDS * LOGS)
  assert.ok(Buffer.from(state.buffer).equals(snapshot.state))
  assert.ok(sent <= text + 2 * TICK_MS, `${sent.toFixed(1)} ms, the text ${text.toFixed(1)} ms`)
  await store.close()
  await ledger.close()
})
