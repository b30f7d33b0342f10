import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import * as channel from '../../../src/anomaly/channels.ts'
import { about, type Explained, explain, grouped, rounded } from '../../../src/anomaly/explanation.ts'

const LOG: Explained = {
  level: 'INFO',
  template: 'order * updated',
  templateId: -1044,
  baselineLogs: 15_204,
  warm: true,
  usualLatency: { lowMs: 80.4, highMs: 190.2 },
}

type Found = readonly [surprise: number, observed: number, expected: number]

function found(of: Readonly<Record<number, Found>>): channel.Findings {
  const findings = channel.emptyFindings()
  for (const [at, [surprise, observed, expected]] of Object.entries(of)) {
    findings.surprises[Number(at)] = surprise
    findings.observed[Number(at)] = observed
    findings.expected[Number(at)] = expected
  }
  return findings
}

const why = (of: Readonly<Record<number, Found>>, log: Partial<Explained> = {}): string =>
  JSON.parse(explain(found(of), { ...LOG, ...log })).why

describe('an explanation', () => {
  it('of a log without a latency and without surprises tells of no latency', () => {
    const of = (usualLatency: Explained['usualLatency']): string =>
      JSON.parse(explain(channel.emptyFindings(), { ...LOG, usualLatency })).top
    assert.equal(of(LOG.usualLatency), 'latency')
    assert.equal(of(null), 'level')
  })

  it('names the strongest channel first, and of the others the two strongest that tell something', () => {
    const findings = found({
      [channel.LATENCY]: [5.2, 2340, 120],
      [channel.LEVEL]: [1.31, 1, 0.01],
      [channel.SURGE]: [2.4, 90, 30],
      [channel.TEMPLATE]: [1.29, 1, 0],
      [channel.ERROR_RATE]: [1.8, 0.4, 0.01],
    })
    const { why: _, ...rest } = JSON.parse(explain(findings, LOG))
    const latency = { surprise: 5.2, observed: 2340, expected: 120, p: 6.3e-6 }
    assert.deepEqual(rest, {
      top: 'latency',
      ...latency,
      channels: [
        { name: 'latency', ...latency },
        { name: 'surge', surprise: 2.4, observed: 90, expected: 30, p: 0.004 },
        { name: 'error_rate', surprise: 1.8, observed: 0.4, expected: 0.01, p: 0.016 },
      ],
      template: 'order * updated',
      template_id: -1044,
      baseline_n: 15_204,
      warm: true,
      model_version: rest.model_version,
    })
    assert.match(rest.model_version, /^logs-\d+$/)
    const weak = JSON.parse(explain(found({ [channel.LEVEL]: [0.2, 1, 0.5], [channel.SURGE]: [1.29, 9, 8] }), LOG))
    assert.deepEqual(
      weak.channels.map(({ name }: { name: string }) => name),
      ['surge'],
      'the strongest is told, however weak',
    )
  })

  const SENTENCES: readonly [string, Readonly<Record<number, Found>>, Partial<Explained>, string][] = [
    ['latency', { [channel.LATENCY]: [5.2, 2340, 120] }, {}, 'latency 2,340 ms, usually 80-190 ms for this operation (p < 1e-5)'],
    ['latency without a range', { [channel.LATENCY]: [2, 2340, 120.4] }, { usualLatency: null }, 'latency 2,340 ms, usually about 120 ms for this operation (p < 1e-2)'],
    ['a shift that the log shows itself', { [channel.LATENCY]: [1, 250, 120], [channel.LATENCY_SHIFT]: [15.9, 250, 120] }, {}, "this service's latest logs are slower than usual: this one took 250 ms, usually 80-190 ms (p < 1e-15)"],
    ['a shift that it does not', { [channel.LATENCY]: [0, 150, 120], [channel.LATENCY_SHIFT]: [1.9, 150, 120] }, {}, "this service's latest logs are slower than usual as a whole, if not one by one: this one took 150 ms, usually 80-190 ms"],
    ['slow logs', { [channel.LATENCY]: [1, 361, 120], [channel.SLOW_SHARE]: [30, 0.64, 0.01] }, {}, "64 % of this service's logs of the last five minutes took longer than 99 % of them usually do; this one 361 ms, usually 80-190 ms (p < 1e-15)"],
    ['a level', { [channel.LEVEL]: [4.4, 1, 1 / 23_040] }, { level: 'FATAL' }, 'FATAL is rare for this service: usually one in 23,000 logs (p < 1e-4)'],
    ['a level that is not as rare', { [channel.LEVEL]: [1.5, 1, 0.03] }, { level: 'ERROR' }, 'ERROR is rare for this service: usually 3 % of its logs'],
    ['a kind of message', { [channel.TEMPLATE]: [3, 1, 0] }, {}, 'a kind of message that is new for this service: "order * updated" (p < 1e-3)'],
    ['a kind of error, again', { [channel.TEMPLATE]: [3, 3, 0] }, { level: 'ERROR' }, 'a kind of ERROR that is new for this service and came 3 times by now: "order * updated" (p < 1e-3)'],
    ['a burst', { [channel.TEMPLATE_BURST]: [6.5, 27.2, 2.53] }, {}, '"order * updated" came 27 times within a minute, usually about 2.5 (p < 1e-6)'],
    ['a burst of what hardly comes', { [channel.TEMPLATE_BURST]: [6.5, 1.2, 0.5] }, {}, '"order * updated" came once within a minute, usually less than 1 (p < 1e-6)'],
    ['errors of many logs', { [channel.ERROR_RATE]: [9, 0.8, 0.0213], [channel.SURGE]: [0, 1240, 1100] }, {}, "80 % of this service's 1,240 logs of the last minute are errors, usually 2.1 % (p < 1e-9)"],
    ['errors', { [channel.ERROR_RATE]: [9, 0.8, 0.0213] }, {}, "80 % of this service's logs of the last minute are errors, usually 2.1 % (p < 1e-9)"],
    ['a surge', { [channel.SURGE]: [5, 1234, 36.4] }, {}, '1,230 logs of this service within a minute, usually about 36 (p < 1e-5)'],
  ] // biome-ignore format: one line each
  for (const [what, of, log, sentence] of SENTENCES) {
    it(`of ${what} is a sentence that says what was unusual`, () => assert.equal(why(of, log), sentence))
  }

  it('is valid JSON of at most 1 KiB, whatever was found in whatever was said', () => {
    const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 1e6, noNaN: true }))
    const findings = fc.array(fc.tuple(number, number, number), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(findings, fc.string({ unit: 'binary', maxLength: 80 }), number, (columns, text, count) => {
        const template = text.slice(0, 80).toWellFormed()
        const usualLatency = { lowMs: Math.abs(count), highMs: Math.abs(count) }
        const surprises = columns.map(
          ([surprise, ...rest]): Found => [Number.isNaN(surprise) ? 0 : Math.abs(surprise), ...rest],
        )
        const json = explain(found({ ...surprises }), { ...LOG, template, usualLatency, baselineLogs: 1e15 })
        assert.ok(Buffer.byteLength(json) <= 1024, `${Buffer.byteLength(json)} bytes`)
        assert.equal(typeof JSON.parse(json).why, 'string')
      }),
    )
  })
})

it('numbers are as people write them', () => {
  assert.deepEqual([0, 3.4, 9.99, 10.4, 999.5, 1_000, 1_234_567.8].map(grouped), [
    '0',
    '3.4',
    '9.99',
    '10',
    '1,000',
    '1,000',
    '1,234,568',
  ])
  assert.deepEqual([Number.NaN, Number.POSITIVE_INFINITY, 1234.5, 0.012345].map(rounded), [0, 0, 1230, 0.0123])
  assert.deepEqual([0.4, 1, 2.96, 3, 4.63, 1200.4].map(about), [
    'less than 1',
    'about 1',
    'about 3',
    'about 3',
    'about 5',
    'about 1,200',
  ])
})
