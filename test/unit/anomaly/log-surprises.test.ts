import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as channel from '../../../src/anomaly/channels.ts'
import { ERRORS, LATENCIES, LOGS } from '../../../src/anomaly/event-windows.ts'
import { ERROR, Levels } from '../../../src/anomaly/levels.ts'
import { LogSurprises, type Placed } from '../../../src/anomaly/log-surprises.ts'
import { ServiceState } from '../../../src/anomaly/service-state.ts'
import { NOVELTY, TemplateBudget } from '../../../src/anomaly/template-store.ts'
import { LEVELS, type Level } from '../../../src/log.ts'
import { eventAt, testRandom } from '../../support/log-stream.ts'

/** A service that logs every second, one in a hundred an error, and takes about 50 ms; and what looks at it. */
function world(seconds = 7_200) {
  const everyone = new Levels()
  const surprises = new LogSurprises(everyone)
  const service = new ServiceState(new TemplateBudget())
  const random = testRandom(8)
  let second = 1_000_000
  const place = (level: Level, latencyMs: number | null, templateId = 1): Placed => {
    const bucket = Math.floor(second / 10)
    service.advance(bucket)
    service.quiet.note(bucket)
    const known = service.templates.find(templateId)
    const severity = LEVELS.indexOf(level)
    const template = known >= 0 ? known : service.templates.add(templateId)
    if (known < 0) service.templates.values[template + NOVELTY] = service.novelty.birthSurprise(severity)
    return { event: eventAt(0, { level, latencyMs }), service, severity, bucket, seconds: second, template }
  }
  const look = (level: Level, latencyMs: number | null, templateId?: number): channel.Findings => {
    surprises.look(place(level, latencyMs, templateId))
    return surprises.findings
  }
  const learn = (level: Level, latencyMs: number, templateId?: number): void => {
    const log = place(level, latencyMs, templateId)
    surprises.look(log)
    service.latency.learn(service.templates, log.template, 1)
    service.levels.learn(log.severity, 1)
    everyone.learn(log.severity, 1)
    service.novelty.learn(service.templates, log.template, service.block, log.severity)
    service.count()
  }
  for (const end = second + seconds; second < end; second++) {
    learn(random() < 0.01 ? 'ERROR' : 'INFO', 50 * Math.exp(0.2 * (random() + random() - 1)))
  }
  const wait = (more: number): void => {
    second += more
  }
  return { service, look, learn, wait }
}

describe('the surprises of one log', () => {
  it('of a log without a latency find none, whatever the log before took', () => {
    const { look } = world(60)
    look('INFO', 4_000)
    const { surprises, observed, expected } = look('INFO', null)
    for (const column of [surprises, observed, expected])
      assert.deepEqual([...column.subarray(channel.LATENCY, channel.SLOW_SHARE + 1)], [0, 0, 0])
  })

  it('are small for an ordinary one, and of each channel there is what was observed and expected', () => {
    const { look } = world()
    const { surprises, observed, expected } = look('INFO', 50)
    assert.ok(
      surprises.every((surprise) => surprise >= 0 && surprise < 1),
      `${surprises}`,
    )
    assert.equal(observed[channel.LATENCY], 50)
    assert.ok(Math.abs((expected[channel.LATENCY] ?? 0) - 50) < 3)
    assert.ok(Math.abs((observed[channel.SURGE] ?? 0) - 56) <= 5, 'logs of the last minute')
    assert.ok(Math.abs((expected[channel.SURGE] ?? 0) - 60) < 2)
    assert.ok(Math.abs((expected[channel.ERROR_RATE] ?? 0) - 0.01) < 0.005)
  })

  it('are of the latency alone where it is the latency, and gone with the next log', () => {
    const { look } = world()
    const { surprises } = look('INFO', 5_000)
    assert.ok(surprises[channel.LATENCY]! > 2, `${surprises}`)
    assert.equal(Math.max(...surprises), surprises[channel.LATENCY])
    assert.ok(look('INFO', 50).surprises[channel.LATENCY]! < 1)
    const without = look('INFO', null).surprises
    for (const c of [channel.LATENCY, channel.LATENCY_SHIFT, channel.SLOW_SHARE]) assert.equal(without[c], 0)
  })

  it('a rare level and a new kind of message surprise by themselves, more so the worse they are', () => {
    const { look, learn } = world()
    const error = look('ERROR', 50).surprises[channel.LEVEL]!
    const fatal = look('FATAL', 50).surprises[channel.LEVEL]!
    assert.ok(error > 1 && fatal > error + 0.5, `${error}, ${fatal}`)
    learn('INFO', 50, 2)
    learn('WARN', 50, 3)
    const info = look('INFO', 50, 2).surprises[channel.TEMPLATE]!
    const warning = look('WARN', 50, 3).surprises[channel.TEMPLATE]!
    assert.ok(info > 0.3 && warning > info, `${info}, ${warning}`)
    assert.equal(look('INFO', 50).surprises[channel.TEMPLATE], 0, 'of a kind that always comes')
  })

  it('a minute of errors is told in full by its errors, and by the others as bystanders', () => {
    const { look, wait } = world()
    for (let i = 0; i < 60; i++) {
      wait(1)
      look(i % 2 === 0 ? 'ERROR' : 'INFO', 50)
    }
    const own = look('ERROR', 50)
    assert.ok(own.surprises[channel.ERROR_RATE]! > 4, `${own.surprises[channel.ERROR_RATE]}`)
    assert.ok(own.observed[channel.ERROR_RATE]! > 0.4)
    assert.equal(look('INFO', 50).surprises[channel.ERROR_RATE], 2)
  })

  it('a minute of slow logs likewise', () => {
    const { look, wait } = world()
    for (let i = 0; i < 60; i++) {
      wait(1)
      look('INFO', i % 2 === 0 ? 400 : 50)
    }
    assert.ok(look('INFO', 400).surprises[channel.SLOW_SHARE]! > 2.5)
    assert.ok(look('INFO', 50).surprises[channel.SLOW_SHARE]! <= 2)
  })

  it('ten times as many logs as usual are a surge', () => {
    const { look, wait } = world()
    for (let i = 0; i < 600; i++) {
      wait(0.1)
      look('INFO', 50)
    }
    const { surprises, observed } = look('INFO', 50)
    assert.ok(surprises[channel.SURGE]! > 3, `${surprises[channel.SURGE]}`)
    assert.ok(observed[channel.SURGE]! > 500)
  })

  it('looking counts the log in the windows, and teaches the baselines nothing', () => {
    const { service, look } = world()
    // Opens the bucket of those that follow.
    look('INFO', 50)
    const before = [service.windows.minute(LOGS), service.windows.minute(ERRORS), service.windows.minute(LATENCIES)]
    const usual = [service.levels.errorShare, service.levels.shareOf(ERROR), service.volume.perMinute, service.logs]
    look('ERROR', 900)
    look('INFO', null)
    const after = [service.windows.minute(LOGS), service.windows.minute(ERRORS), service.windows.minute(LATENCIES)]
    assert.deepEqual(
      after.map((count, i) => count - (before[i] ?? 0)),
      [2, 1, 1],
    )
    assert.deepEqual([service.levels.errorShare, service.levels.shareOf(ERROR), service.volume.perMinute, service.logs], usual) // biome-ignore format: one line
  })
})
