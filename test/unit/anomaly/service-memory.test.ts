/** How much is kept of a service, as measured in snapshots: they hold what the memory holds. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
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
  let logs = 0
  // Kinds come along one by one while the known ones go on, as in a service that grows.
  for (let known = Math.min(8, kinds); known <= kinds; known += Math.min(8, Math.max(1, kinds - known))) {
    for (let round = 0; round < 3; round++) {
      for (let service = 0; service < services; service++) {
        for (let kind = 0; kind < known; kind++) {
          const message = kindOf(service * KINDS_MAX + kind)
          detector.scoreThenLearn(eventAt(10 * logs++, { service: `service-${service}`, message }))
        }
      }
    }
    if (known === kinds) break
  }
  return { bytes: detector.snapshot().length, templates: detector.stats().templates }
}

it('an ordinary service, of 20 kinds of messages, takes no more than 8 KiB', (t) => {
  const [few, many] = [stateOf({ services: 10, kinds: KINDS }), stateOf({ services: 110, kinds: KINDS })]
  assert.equal(many.templates, 110 * KINDS)
  const each = (many.bytes - few.bytes) / 100
  t.diagnostic(`${Math.round(each)} bytes a service with ${KINDS} kinds of messages`)
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
