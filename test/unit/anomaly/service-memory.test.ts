/** How much is kept of a service: its numbers, as measured in snapshots, and all that it takes of this process. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Detector } from '../../../src/anomaly/detector.ts'
import { eventAt, testRandom } from '../../support/log-stream.ts'

const KIB = 1024
/** An ordinary service has about so many kinds of messages. */
const KINDS = 20
const KINDS_MAX = 512

/** No two of them are alike. */
function kindOf(n: number): string {
  const random = testRandom(n)
  return Array.from({ length: 4 }, () => Math.floor(random() * 26 ** 5).toString(26).replace(/\d/g, (d) => 'qrstuvwxyz'[Number(d)] ?? '')).join(' ') // biome-ignore format: one line
}

/** Bytes of a detector that knows so many services, each of which uses all of its kinds of messages all the time. */
function stateOf({ services, kinds }: { services: number; kinds: number }): { bytes: number; templates: number } {
  const detector = new Detector({ seed: 1, servicesMax: services })
  feed(detector, { from: 0, services, kinds })
  return { bytes: detector.snapshot().length, templates: detector.stats().templates }
}

/** Logs of so many services, the first of them number `from`. */
function feed(detector: Detector, { from, services, kinds }: { from: number; services: number; kinds: number }): void {
  let logs = from
  // Kinds come along one by one while the known ones go on, as in a service that grows.
  for (let known = Math.min(8, kinds); known <= kinds; known += Math.min(8, Math.max(1, kinds - known))) {
    for (let round = 0; round < 3; round++) {
      for (let service = from; service < from + services; service++) {
        for (let kind = 0; kind < known; kind++) {
          const message = kindOf(service * KINDS_MAX + kind)
          detector.scoreThenLearn(eventAt(10 * logs++, { service: `service-${service}`, message }))
        }
      }
    }
    if (known === kinds) break
  }
}

/** Bytes of objects and of the memory under typed arrays that this process holds on to. */
function memory(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

it('an ordinary service, of 20 kinds of messages, takes no more than 8 KiB', (t) => {
  const [few, many] = [stateOf({ services: 10, kinds: KINDS }), stateOf({ services: 110, kinds: KINDS })]
  assert.equal(many.templates, 110 * KINDS)
  const each = (many.bytes - few.bytes) / 100
  t.diagnostic(`${Math.round(each)} bytes a service with ${KINDS} kinds of messages`)
  assert.ok(each <= 8 * KIB, `${each} bytes`)
})

it('with all the objects that hold them it takes no more than 8 KiB of the process', (t) => {
  const detector = new Detector({ seed: 1, servicesMax: 1_500 })
  // What there is one of is full before the first look: the miner's 8,192 templates, compiled code too.
  feed(detector, { from: 0, services: 500, kinds: KINDS })
  const before = memory()
  feed(detector, { from: 500, services: 1_000, kinds: KINDS })
  const each = (memory() - before) / 1_000
  assert.equal(detector.stats().templates, 1_500 * KINDS)
  t.diagnostic(`${Math.round(each)} bytes a service with ${KINDS} kinds of messages, objects and all`)
  assert.ok(each <= 8 * KIB, `${each} bytes`)
})

it('a service of 512 kinds takes what they take, and what the partition keeps of them, together no more than 72 KiB', (t) => {
  const none = stateOf({ services: 1, kinds: 1 })
  const one = stateOf({ services: 1, kinds: KINDS_MAX })
  assert.equal(one.templates, KINDS_MAX)
  const more = one.bytes - none.bytes
  t.diagnostic(`${more} bytes more than with one kind`)
  assert.ok(more <= 72 * KIB, `${more} bytes`)
})

it('a partition of eight services takes no more than 256 KiB, so that one worker can have hundreds', (t) => {
  const partition = (number: number): Detector => {
    const detector = new Detector({ seed: number, servicesMax: 2_000 })
    feed(detector, { from: 0, services: 8, kinds: 4 })
    for (let log = 0; log < 700; log++) {
      detector.scoreThenLearn(eventAt(10_000 + log, { service: `service-${log % 8}`, message: kindOf(log % 32) }))
    }
    return detector
  }
  const kept = [partition(0)]
  const before = memory()
  for (let number = 1; number <= 40; number++) kept.push(partition(number))
  const each = (memory() - before) / 40
  assert.equal(kept.length, 41)
  t.diagnostic(`${Math.round(each)} bytes a partition with 8 services`)
  assert.ok(each <= 256 * KIB, `${each} bytes`)
})
