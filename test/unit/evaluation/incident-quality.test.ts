import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Incident, incidentQuality } from '../../../src/evaluation/incident-quality.ts'
import { JudgedLogs } from '../../../src/evaluation/judged-logs.ts'
import { testRandom } from '../../support/log-stream.ts'

const EVALUATED_FROM = 10_000
const TO = 40_000
const INCIDENTS: readonly Incident[] = [
  { id: 1, type: 'latency', service: 'a', from: 12_000, to: 12_500, significantFrom: 12_100 },
  { id: 2, type: 'latency', service: 'b', from: 20_000, to: 20_400, significantFrom: 20_000 },
  { id: 3, type: 'silence', service: 'c', from: 25_000, to: 26_000, significantFrom: 25_000 },
  { id: 4, type: 'errors', service: 'c', from: 30_000, to: 30_300, significantFrom: 30_000 },
  { id: 5, type: 'traffic_drop', service: 'a', from: 35_000, to: 35_600, significantFrom: 35_000 },
  { id: 6, type: 'errors', service: 'b', from: 38_000, to: 38_010, significantFrom: 38_000 },
]

/** 3,000 logs of three services; half of what is labelled is found, and now and then something else. */
function judgedLogs(): JudgedLogs {
  const random = testRandom(7)
  const logs = new JudgedLogs()
  for (let i = 0; i < 3000; i++) {
    const seconds = Math.floor(random() * 10) / 10 + i * 13.3
    const service = 'abc'[Math.floor(random() * 3)] ?? 'a'
    const found = INCIDENTS.find((each) => each.service === service && seconds >= each.from && seconds <= each.to)
    const lacking = found?.type === 'silence' || found?.type === 'traffic_drop'
    const label = found === undefined ? (random() < 0.02 ? -1 : 0) : lacking ? -1 : 1
    const score = Math.floor((label === 1 ? 0.3 + 0.7 * random() : random() ** 4) * 100) / 100
    logs.add({ seconds, service, score, flagged: score >= 0.8, label, incident: found?.id ?? 0 })
  }
  logs.alerts.push({ service: 'c', seconds: 25_090 }, { service: 'b', seconds: 15_000 }, { service: 'a', seconds: 500 })
  return logs
}

it('every figure is that of the evaluator that comes with the replay generator', () => {
  const found = incidentQuality(judgedLogs(), INCIDENTS, { evaluatedFrom: EVALUATED_FROM, to: TO })
  const rounded = JSON.parse(
    JSON.stringify(found, (_, value) => (typeof value === 'number' ? Math.round(value * 1e9) / 1e9 : value)),
  )
  assert.deepEqual(rounded, EXPECTED)
})
/** What that Python evaluator (pandas, scikit-learn) says of the same logs, to nine digits. */
const EXPECTED = {
  positives: 29,
  negatives: 2138,
  averagePrecision: 0.062725342,
  auc: 0.888761653,
  bestF1: 0.134831461,
  precision: 0.072,
  recall: 0.310344828,
  f1: 0.116883117,
  falsePositives: 116,
  falsePositiveRate: 0.054256314,
  recallAt1e3: 0.0,
  recallAt1e4: 0.0,
  macroAveragePrecision: 0.035692545,
  falseEpisodesPerServiceDay: 97.92,
  incidents: 6,
  detected: 4,
  types: {
    latency: {
      incidents: 2,
      detected: 2,
      chance: 0.432655595,
      medianDelay: 10.35,
      recall: 0.238095238,
      averagePrecision: 0.040816765,
    },
    silence: {
      incidents: 1,
      detected: 1,
      chance: 0.633628142,
      medianDelay: 90.0,
      recall: null,
      averagePrecision: null,
    },
    errors: {
      incidents: 2,
      detected: 1,
      chance: 0.179994379,
      medianDelay: 32.3,
      recall: 0.5,
      averagePrecision: 0.030568325,
    },
    traffic_drop: {
      incidents: 1,
      detected: 0,
      chance: 0.590385609,
      medianDelay: null,
      recall: null,
      averagePrecision: null,
    },
  },
}
