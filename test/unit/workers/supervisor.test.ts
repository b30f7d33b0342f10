import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Supervisor, type WorkerEnd, type WorkerHandle } from '../../../src/workers/supervisor.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class FakeWorker implements WorkerHandle {
  readonly slot: number
  readonly pid: number
  answers = true
  ready = true
  stops = 0
  kills = 0
  readonly #end = Promise.withResolvers<WorkerEnd>()
  readonly exited = this.#end.promise
  readonly #partitions: number

  constructor(slot: number, pid: number, partitions: number) {
    this.slot = slot
    this.pid = pid
    this.#partitions = partitions
  }
  ask(): Promise<unknown> {
    return Promise.resolve(
      this.answers ? { ready: this.ready, topic_partitions: this.ready ? this.#partitions : 0 } : undefined,
    )
  }
  stop(): void {
    this.stops++
    this.end({ code: 0, signal: null })
  }
  kill(): void {
    this.kills++
    this.end({ code: null, signal: 'SIGKILL' })
  }
  end(how: WorkerEnd): void {
    this.#end.resolve(how)
  }
}

function world({ workersMax, partitions }: { workersMax: number; partitions: number }) {
  const clock = new FakeClock()
  const started: FakeWorker[] = []
  const said: string[] = []
  const stop = new AbortController()
  const supervisor = new Supervisor({
    workersMax,
    start: (slot) => {
      const worker = new FakeWorker(slot, 100 + started.length, partitions)
      started.push(worker)
      return worker
    },
    clock: clock.time.clock,
    sleep: clock.time.sleep,
    warn: (sentence) => said.push(sentence),
    restarted: () => undefined,
  })
  const code = supervisor.run(stop.signal)
  const running = (): number => supervisor.workers.filter(({ pid }) => pid !== null).length
  return { clock, started, said, stop, supervisor, code, running }
}

test('one worker starts; the others when it is ready, and never more than the topic has partitions', async () => {
  const { clock, supervisor, running, stop, code, started } = world({ workersMax: 8, partitions: 3 })
  assert.equal(running(), 1)
  await clock.advance(10_000)
  assert.equal(running(), 3)
  assert.deepEqual(
    supervisor.workers.map(({ slot, ready }) => [slot, ready]),
    [
      [1, true],
      [2, true],
      [3, true],
    ],
  )
  stop.abort()
  assert.equal(await code, 0)
  assert.deepEqual(
    started.map(({ stops }) => stops),
    [1, 1, 1],
  )
})

test('a worker that crashes starts again after a pause that doubles, and is forgiven after a steady minute', async () => {
  const { clock, started, said, stop, code, supervisor } = world({ workersMax: 1, partitions: 4 })
  await clock.advance(2_000)
  for (const pauseMs of [500, 1_000, 2_000]) {
    const before = started.length
    started.at(-1)?.end({ code: 1, signal: null })
    await clock.advance(pauseMs - 1)
    assert.equal(started.length, before, `nothing starts before ${pauseMs} ms`)
    await clock.advance(1)
    assert.equal(started.length, before + 1)
  }
  await clock.advance(61_000)
  started.at(-1)?.end({ code: null, signal: 'SIGKILL' })
  await clock.advance(500)
  assert.equal(started.length, 5)
  assert.match(said.at(-1) ?? '', /ended with SIGKILL: another starts in 0.5 s/)
  assert.equal(supervisor.workers[0]?.restarts, 4)
  stop.abort()
  assert.equal(await code, 0)
})

test('a worker that does not answer for 30 s is killed and replaced', async () => {
  const { clock, started, said, stop, code } = world({ workersMax: 2, partitions: 2 })
  await clock.advance(3_000)
  const frozen = started[1]
  assert.ok(frozen)
  frozen.answers = false
  await clock.advance(29_000)
  assert.equal(frozen.kills, 0)
  await clock.advance(4_000)
  assert.equal(frozen.kills, 1)
  assert.equal(started.length, 3)
  assert.equal(started[2]?.slot, 2)
  assert.ok(said.some((each) => /has not answered for 30 s: it is killed/.test(each)))
  stop.abort()
  assert.equal(await code, 0)
})

test('a first start that fails ends with the code of the worker; so do wrong settings at any time', async () => {
  const first = world({ workersMax: 2, partitions: 2 })
  first.started[0]?.end({ code: 1, signal: null })
  assert.equal(await first.code, 1)

  const later = world({ workersMax: 2, partitions: 2 })
  await later.clock.advance(3_000)
  later.started[1]?.end({ code: 78, signal: null })
  assert.equal(await later.code, 78)
  assert.equal(later.started[0]?.stops, 1, 'the other one drains')
})

test('a rolling replacement stops one at a time and waits for its successor to be ready, however often it is asked for', async () => {
  const { clock, started, stop, code, supervisor, running } = world({ workersMax: 3, partitions: 3 })
  await clock.advance(5_000)
  let least = 3
  const done = supervisor.replaceAll().then(() => true)
  void supervisor.replaceAll() // a second SIGHUP, at once
  for (let second = 0; second < 10; second++) {
    await clock.advance(500)
    least = Math.min(least, running())
  }
  assert.equal(await done, true)
  assert.equal(started.length, 6)
  assert.ok(least >= 2, `${least} workers at least`)
  assert.deepEqual(
    supervisor.workers.map(({ pid }) => pid),
    [103, 104, 105],
  )
  assert.deepEqual(
    supervisor.workers.map(({ restarts }) => restarts),
    [0, 0, 0],
    'what was asked for is no trouble',
  )
  stop.abort()
  assert.equal(await code, 0)
})
