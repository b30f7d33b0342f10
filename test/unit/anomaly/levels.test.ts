import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ERROR, Levels, WARN } from '../../../src/anomaly/levels.ts'
import { StateReader, StateWriter } from '../../../src/anomaly/state-bytes.ts'

const [DEBUG, INFO, FATAL] = [0, 1, 4]

/** So many logs of a service, by severity. */
function taught(counts: Readonly<Record<number, number>>, weight = 1): Levels {
  const levels = new Levels()
  for (const [severity, logs] of Object.entries(counts)) {
    for (let i = 0; i < logs; i++) levels.learn(Number(severity), weight)
  }
  return levels
}

describe('levels', () => {
  const everyone = taught({ [INFO]: 100_000, [WARN]: 1_000, [ERROR]: 300, [FATAL]: 1 })

  it('are surprising from WARN on, the rarer the more', () => {
    const service = taught({ [DEBUG]: 500, [INFO]: 9_000, [WARN]: 400, [ERROR]: 90 })
    const surprises = [DEBUG, INFO, WARN, ERROR, FATAL].map((severity) => service.levelSurprise(severity, everyone))
    assert.deepEqual(surprises.slice(0, 2), [0, 0])
    const [, , warn = 0, error = 0, fatal = 0] = surprises
    assert.ok(warn > 1 && error > warn && fatal > error + 0.5, `${surprises}`)
    assert.ok(Math.abs(taught({ [INFO]: 900, [FATAL]: 100 }).shareOf(ERROR) - 0.1) < 0.01, 'a fatal one is an error')
    // An error is at least a warning.
    assert.ok(Math.abs(warn - -Math.log10(490 / 9_990)) < 0.01)
    assert.ok(Math.abs(service.shareOf(ERROR) - 90 / 9_990) < 1e-3)
  })

  it('of a young service are held against those of all', () => {
    const noisy = taught({ [INFO]: 700, [ERROR]: 300 })
    assert.ok(new Levels().levelSurprise(ERROR, everyone) > 2)
    assert.ok(new Levels().levelSurprise(ERROR, noisy) < 0.6)
    const usual = taught({ [INFO]: 70_000, [ERROR]: 30_000 })
    assert.ok(
      Math.abs(usual.levelSurprise(ERROR, everyone) - usual.levelSurprise(ERROR, noisy)) < 0.01,
      'not of an old one',
    )
  })

  it('more errors than usual surprise, the usual number never', () => {
    const service = taught({ [INFO]: 9_900, [ERROR]: 100 })
    assert.ok(Math.abs(service.errorShare - 0.01) < 1e-3)
    assert.equal(service.errorSurprise(1, 100), 0)
    assert.equal(service.errorSurprise(0, 0), 0)
    assert.ok(service.errorSurprise(20, 100) > 8)
    assert.ok(service.errorSurprise(20, 100) > service.errorSurprise(10, 100))
    assert.ok(new Levels().errorSurprise(2, 2) < service.errorSurprise(2, 2), 'while little is known, few say less')
  })

  it('learned in an incident count by their weight as errors, and fade with time', () => {
    const incident = taught({ [INFO]: 1_000 })
    for (let i = 0; i < 1_000; i++) incident.learn(ERROR, 0.08)
    assert.ok(Math.abs(incident.errorShare - 80 / 1_080) < 0.01)
    const faded = taught({ [INFO]: 1_000, [ERROR]: 1_000 })
    faded.decay(0.01)
    for (let i = 0; i < 1_000; i++) faded.learn(INFO, 1)
    assert.ok(faded.errorShare < 0.02, `${faded.errorShare}`)
    assert.ok(faded.shareOf(ERROR) < 0.02)
  })

  it('are the same after their bytes', () => {
    const levels = taught({ [INFO]: 50, [WARN]: 7, [FATAL]: 2 }, 0.3)
    const writer = new StateWriter()
    writer.start(100)
    levels.exchange(writer)
    const again = new Levels()
    again.exchange(new StateReader(writer.finish()))
    for (const severity of [WARN, ERROR, FATAL]) assert.equal(again.shareOf(severity), levels.shareOf(severity))
    assert.equal(again.errorSurprise(5, 9), levels.errorSurprise(5, 9))
  })
})
