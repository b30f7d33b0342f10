import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Detector } from '../../../src/anomaly/detector.ts'
import type { Level } from '../../../src/log.ts'
import { eventAt, logStream } from '../../support/log-stream.ts'

const TRAINING = 3_000
const STEP_MS = 500
const NEW_KIND = 'java.lang.NullPointerException at com.acme.cart.Handler.run(Handler.java:77)'

function trained(): Detector {
  const detector = new Detector({ seed: 7, servicesMax: 2000 })
  for (const event of logStream({ seed: 1, logs: TRAINING, stepMs: STEP_MS })) detector.scoreThenLearn(event)
  return detector
}

/** Says the message at this level every 8 s; by log: was it an anomaly, and its score; `why` of the last. */
function insist(detector: Detector, level: Level, times: number): { flags: boolean[]; scores: number[]; why: string } {
  let why = ''
  const verdicts = Array.from({ length: times }, (_, i) => {
    const afterMs = TRAINING * STEP_MS + i * 8_000
    const event = eventAt(afterMs, { service: 'payment', level, message: NEW_KIND, latencyMs: null })
    const verdict = { ...detector.scoreThenLearn(event) }
    why = JSON.parse(detector.explain(event)).why
    return verdict
  })
  return { flags: verdicts.map(({ isAnomaly }) => isAnomaly), scores: verdicts.map(({ score }) => score), why }
}

describe('a kind of message that is new for a service', () => {
  it('is an anomaly where it is an error that comes a dozen times', () => {
    const { flags } = insist(trained(), 'ERROR', 12)
    assert.deepEqual(flags.slice(2), new Array(10).fill(true))
  })

  it('is none where it only informs, as after a deploy', () => {
    const { flags } = insist(trained(), 'INFO', 12)
    assert.deepEqual(flags, new Array(12).fill(false))
  })

  it('says more the more often it comes, from WARN on', () => {
    const { scores, why } = insist(trained(), 'WARN', 12)
    assert.match(
      why,
      /^a kind of WARN that is new for this service and came 12 times by now: "java\.lang\.NullPointerEx/,
    )
    assert.ok(scores[11]! > scores[1]!, `${scores[1]}, then ${scores[11]}`)
  })

  it('insists on nothing where it is most of what a young service says, errors among it', () => {
    const detector = trained()
    let flagged = 0
    for (let i = 0; i < 6_000; i++) {
      const level = i % 100 === 99 ? 'ERROR' : 'INFO'
      const event = eventAt(TRAINING * STEP_MS + i * 20, { service: 'young', level, message: 'order 7 placed by 3' })
      const { isAnomaly, explanation } = detector.scoreThenLearn(event)
      if (isAnomaly && JSON.parse(explanation ?? '').top === 'template') flagged++
    }
    assert.equal(flagged, 0)
  })

  it('is nothing new in a service whose errors are never the same', () => {
    const detector = trained()
    const letters = (n: number): string => n.toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '')
    let flagged = 0
    for (let i = 0; i < 400; i++) {
      const message = `${letters(i * 7919)} ${letters(i * 104_729)} failed with ${letters(i * 1_299_709)}`
      const event = eventAt(TRAINING * STEP_MS + i * 20_000, { service: 'search', level: 'ERROR', message })
      const { isAnomaly, explanation } = detector.scoreThenLearn(event)
      if (isAnomaly && JSON.parse(explanation ?? '').top === 'template' && i >= 50) flagged++
      for (let k = 1; k < 20; k++) {
        detector.scoreThenLearn(eventAt(TRAINING * STEP_MS + i * 20_000 + k * 1000, { service: 'search' }))
      }
    }
    assert.equal(flagged, 0)
  })
})
