import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Detector } from '../../../src/anomaly/detector.ts'
import { StateReader, StateWriter } from '../../../src/anomaly/state-bytes.ts'
import { type Budget, BudgetThreshold, Spending } from '../../../src/anomaly/threshold.ts'
import { logStream, testRandom } from '../../support/log-stream.ts'

const DAY = 86_400
const DAYS = 6
const START = 1_767_225_600
const budgetOf = (fields: Partial<Budget>): Budget => ({ perDay: null, perServiceDay: null, share: 1, ...fields })

interface Stream {
  readonly seed: number
  readonly logsPerDay: number
  /** The score of a log, given days since the start and a draw from [0, 1). */
  readonly score: (day: number, draw: number) => number
  readonly services?: readonly number[]
}

/** Anomalies by day; and by service, over all days, in anomalies a day. */
function run(budget: Budget, stream: Stream): { days: number[]; services: number[] } {
  const { seed, logsPerDay, score, services = [1] } = stream
  const random = testRandom(seed)
  const threshold = new BudgetThreshold(budget)
  const spendings = services.map(() => new Spending())
  const days = new Array<number>(DAYS).fill(0)
  const perService = services.map(() => 0)
  for (let seconds = START; ; ) {
    const day = (seconds - START) / DAY
    if (day >= DAYS) return { days, services: perService.map((count) => count / DAYS) }
    let at = 0
    for (let draw = random(); at < services.length - 1 && draw >= (services[at] ?? 1); at++) draw -= services[at] ?? 1
    const service = spendings[at] ?? new Spending()
    if (threshold.decide({ score: score(day, random()), seconds, service })) {
      days[Math.floor(day)] = (days[Math.floor(day)] ?? 0) + 1
      perService[at] = (perService[at] ?? 0) + 1
    }
    // Three times as much traffic at noon as at midnight.
    const rate = (logsPerDay * (1 - 0.5 * Math.cos(2 * Math.PI * day))) / DAY
    seconds += -Math.log(1 - random()) / rate
  }
}

/** As the detector's: a surprise of so many powers of ten, bent into [0, 1). */
const bent = (surprise: number): number => surprise / (surprise + 2.2)
const tail = (draw: number, width: number): number => bent(-Math.log10(1 - draw) * width)

const DRIFTS: Readonly<Record<string, Stream['score']>> = {
  'scores that stay as they are': (_, draw) => tail(draw, 0.9),
  'scores that rise day by day': (day, draw) => tail(draw, 0.5 + 0.3 * day),
  'scores that fall day by day': (day, draw) => tail(draw, 2 - 0.3 * day),
  'scores that leap up': (day, draw) => tail(draw, day < 3 ? 0.6 : 1.8),
  'scores that drop': (day, draw) => tail(draw, day < 3 ? 1.8 : 0.5),
  'an incident of an hour every other day': (day, draw) =>
    Math.floor(day) % 2 === 0 && day % 1 > 0.5 && day % 1 < 0.54 ? 0.7 + 0.29 * draw : tail(draw, 0.9),
  'two scores only': (_, draw) => (draw < 0.008 ? 0.9 : 0.1),
}

for (const [name, score] of Object.entries(DRIFTS)) {
  test(`a budget is held within a factor of 2, every day: ${name}`, () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(8, 40, 150),
        fc.constantFrom(40_000, 90_000),
        (seed, perDay, logsPerDay) => {
          const { days } = run(budgetOf({ perDay }), { seed, logsPerDay, score })
          for (const count of days) assert.ok(count >= perDay / 2 && count <= perDay * 2, `${days} for ${perDay} a day`)
        },
      ),
      { numRuns: 4 },
    )
  })
}

test('a budget for each service is held by each, busy or quiet, and the one over all with it', () => {
  const services = [0.7, 0.2, 0.1]
  const each = run(budgetOf({ perServiceDay: 10 }), {
    seed: 3,
    logsPerDay: 60_000,
    score: DRIFTS['scores that leap up'] ?? bent,
    services,
  })
  for (const count of each.services) assert.ok(count >= 5 && count <= 20, `${each.services}`)
  const both = run(budgetOf({ perServiceDay: 10, perDay: 12 }), {
    seed: 3,
    logsPerDay: 60_000,
    score: (_, draw) => tail(draw, 1),
    services,
  })
  const total = both.services.reduce((sum, count) => sum + count, 0)
  assert.ok(total >= 6 && total <= 24, `${both.services}`)
  for (const count of both.services) assert.ok(count <= 20, `${both.services}`)
})

test('a partition spends its share', () => {
  const { days } = run(budgetOf({ perDay: 160, share: 0.25 }), {
    seed: 5,
    logsPerDay: 60_000,
    score: (_, draw) => tail(draw, 1),
  })
  for (const count of days) assert.ok(count >= 20 && count <= 80, `${days}`)
})

test('what is named is the most unusual: of an ordinary day little below the highest twentieth', () => {
  const threshold = new BudgetThreshold(budgetOf({ perDay: 1_000_000 }))
  const random = testRandom(9)
  const service = new Spending()
  const scores: number[] = []
  const named: number[] = []
  for (let i = 0; i < 100_000; i++) {
    const score = tail(random(), 1)
    scores.push(score)
    if (threshold.decide({ score, seconds: START + i, service })) named.push(score)
  }
  const lowest = scores.sort((a, b) => b - a)[7000] ?? 1
  assert.ok(named.length > 2500 && named.length < 7000, `${named.length} of 100000`)
  assert.ok(named.filter((score) => score < lowest).length < named.length * 0.05)
})

test('scores that are all alike make no anomalies, and a long silence does not save up a flood', () => {
  const threshold = new BudgetThreshold(budgetOf({ perDay: 10 }))
  const service = new Spending()
  const random = testRandom(2)
  const named = (from: number, score: () => number): number => {
    let count = 0
    for (let i = 0; i < 20_000; i++) if (threshold.decide({ score: score(), seconds: from + i, service })) count++
    return count
  }
  assert.equal(
    named(START, () => 0.3),
    0,
  )
  const after = named(START + 30 * DAY, () => tail(random(), 1))
  assert.ok(after <= 14, `${after} in a quarter of a day`)
})

test('a restored budget goes on as if nothing had happened, to the last decision', () => {
  const random = testRandom(4)
  const logs = Array.from({ length: 40_000 }, (_, i) => ({ score: tail(random(), 1), seconds: START + i * 4 }))
  const budget = budgetOf({ perDay: 60, perServiceDay: 50 })
  let [threshold, service] = [new BudgetThreshold(budget), new Spending()]
  const whole = logs.map((log) => threshold.decide({ ...log, service }))
  ;[threshold, service] = [new BudgetThreshold(budget), new Spending()]
  const cut = logs.map((log, at) => {
    if (at % 7000 === 6999) {
      const bytes = new StateWriter()
      threshold.exchange(bytes)
      service.exchange(bytes)
      const from = new StateReader(bytes.finish())
      ;[threshold, service] = [new BudgetThreshold({ ...budget, share: 0.1 }), new Spending()]
      threshold.exchange(from)
      service.exchange(from)
      assert.ok(from.ended)
    }
    return threshold.decide({ ...log, service })
  })
  assert.deepEqual(cut, whole)
  assert.ok(whole.filter(Boolean).length > 20)
})

test('a budget changes what is flagged, and never a score; a snapshot outlives the setting', () => {
  const events = logStream({ seed: 6, logs: 60_000, stepMs: 3000 })
  const budget = budgetOf({ perDay: 100 })
  const usual = new Detector({ seed: 1, servicesMax: 10 })
  const budgeted = new Detector({ seed: 1, servicesMax: 10, budget })
  let flagged = 0
  for (const event of events) {
    const { score } = usual.scoreThenLearn(event)
    const verdict = budgeted.scoreThenLearn(event)
    assert.equal(verdict.score, score)
    if (verdict.isAnomaly) flagged++
  }
  const days = (events.length * 3) / DAY
  assert.ok(flagged >= 50 * days && flagged <= 200 * days, `${flagged} in ${days} days`)
  for (const [state, options] of [
    [budgeted.snapshot(), { seed: 1, servicesMax: 10 }],
    [usual.snapshot(), { seed: 1, servicesMax: 10, budget }],
    [budgeted.snapshot(), { seed: 1, servicesMax: 10, budget }],
  ] as const) {
    assert.ok(Detector.restore(state, options) instanceof Detector)
  }
})
