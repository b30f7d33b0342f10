import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Findings, LATENCY_SHIFT, SLOW_SHARE } from '../../../src/anomaly/channels.ts'
import { Detector } from '../../../src/anomaly/detector.ts'
import { eventAt, testRandom } from '../../support/log-stream.ts'

interface Burst {
  readonly logs: number
  /** Event time between two logs. */
  readonly stepMs: number
  /** Times slower than usual. */
  readonly factor: number
}

/** A service with latencies of about 20 ms; by log, was it flagged, and the surprise that latencies have shifted. */
class Service {
  readonly #detector = new Detector({ seed: 7, servicesMax: 2000 })
  readonly #random = testRandom(5)
  #afterMs = 0

  get findings(): Findings {
    return this.#detector.findings
  }

  say({ logs, stepMs, factor }: Burst): { flagged: boolean; shift: number; score: number }[] {
    return Array.from({ length: logs }, () => {
      this.#afterMs += stepMs
      const noise = this.#random() + this.#random() + this.#random() + this.#random() - 2
      const event = eventAt(this.#afterMs, { latencyMs: 20 * factor * Math.exp(noise * 0.6) })
      const { isAnomaly, score } = this.#detector.scoreThenLearn(event)
      return { flagged: isAnomaly, shift: this.#detector.findings.surprises[LATENCY_SHIFT]!, score }
    })
  }
}

function trained(stepMs: number): Service {
  const service = new Service()
  service.say({ logs: 12_000, stepMs, factor: 1 })
  return service
}

describe('a shift of latencies', () => {
  it('is what goes on for a while, not what stalls for a moment', () => {
    const stall = trained(50).say({ logs: 20, stepMs: 10, factor: 2.5 })
    const lasting = trained(50).say({ logs: 20, stepMs: 500, factor: 2.5 })
    assert.ok(stall.every(({ shift }) => shift < 2))
    assert.ok(lasting.some(({ shift, flagged }) => shift > 5 && flagged))
  })

  it('ends for the logs that are fast again, within forty of them', () => {
    const service = trained(500)
    const slow = service.say({ logs: 60, stepMs: 500, factor: 6 })
    assert.ok(slow.slice(20).every(({ flagged }) => flagged))
    const fast = service.say({ logs: 200, stepMs: 500, factor: 1 })
    assert.deepEqual(
      fast.slice(40).filter(({ flagged }) => flagged),
      [],
    )
  })

  it('is remembered for minutes, but hardly counts against logs that are as fast as usual', () => {
    const service = trained(500)
    const share = (): number => service.findings.surprises[SLOW_SHARE]!
    service.say({ logs: 120, stepMs: 500, factor: 6 })
    assert.ok(share() > 5, 'the minute is full of slow logs')
    const after = service.say({ logs: 60, stepMs: 500, factor: 1 })
    assert.ok(service.findings.observed[SLOW_SHARE]! > 0.2, 'five minutes remember them')
    const late = after.slice(20).map(({ score }) => score)
    const mean = late.reduce((sum, score) => sum + score, 0) / late.length
    assert.ok(mean < 0.5, `${mean}`)
  })

  it('needs more of it where little is known of the service', () => {
    const surprise = (known: number): number => {
      const service = new Service()
      service.say({ logs: known, stepMs: 500, factor: 1 })
      return Math.max(...service.say({ logs: 15, stepMs: 500, factor: 1.8 }).map(({ shift }) => shift))
    }
    assert.ok(surprise(80) < surprise(1500), `${surprise(80)} and ${surprise(1500)}`)
  })
})

describe('one latency by itself', () => {
  it('must be rarer in a service that has more logs', () => {
    const outlier = { logs: 1, stepMs: 500, factor: 8 }
    const [busy] = trained(20).say(outlier)
    const [quiet] = trained(4000).say(outlier)
    assert.ok(busy!.score < quiet!.score, `${busy!.score} and ${quiet!.score}`)
  })
})
