import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from '../../../../src/scoring/remote/engine-client.ts'
import { RemoteEngine } from '../../../../src/scoring/remote/remote-engine.ts'
import { logAt } from '../../../support/ready-ranges.ts'

/** An engine that offers /score alone; its answers come when told. */
function original() {
  const calls: { path: string; answer: (reply: Reply) => void }[] = []
  const engine = new RemoteEngine({
    client: {
      post: (path) => {
        const { promise, resolve } = Promise.withResolvers<Reply>()
        if (path === '/score') calls.push({ path, answer: resolve })
        else resolve({ kind: 'answered', status: 404, body: Buffer.alloc(0) })
        return { reply: promise, cancel: () => resolve({ kind: 'cancelled' }) }
      },
    },
    sleep: async () => undefined,
    random: () => 0,
  })
  return { engine, calls }
}

async function calm(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

const verdict: Reply = {
  kind: 'answered',
  status: 200,
  body: Buffer.from(JSON.stringify({ anomaly_score: 0.5, is_anomaly: false })),
}
const events = Array.from({ length: 100 }, (_, i) => logAt(i).event)

test('of logs that were left nothing more is asked, and what is out still judges the engine', async () => {
  const { engine, calls } = original()
  const asking = engine.ask(events)
  await calm()
  const out = calls.length
  assert.ok(out > 0 && out < events.length, `${out} calls`)
  asking.leave()
  for (const { answer } of calls) answer(verdict)
  assert.equal((await asking.ended).kind, 'answered')
  assert.equal(calls.length, out)
})

test('logs that are left before the engine turned out to have no batches are not asked about one by one', async () => {
  const { engine, calls } = original()
  const asking = engine.ask(events)
  asking.leave()
  assert.equal((await asking.ended).kind, 'answered', 'it said that it has none')
  assert.equal(calls.length, 0)
  assert.equal(engine.mode, 'single')
})
