/**
 * The detector on labelled data that other people made: the forest alone on ADBench against scikit-learn, the whole detector on
 * requests of OnlineBoutique with injected CPU faults against an expanding z-score. Needs ANOMALY_DATA.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { IsolationForest } from '../../src/anomaly/isolation-forest.ts'
import { ModelScorer } from '../../src/scoring/model-scorer.ts'
import { ExpandingZ, eventOf, gzipLines, type Labelled, ranking } from '../support/evaluation.ts'

const folder = process.env['ANOMALY_DATA'] ?? ''
if (folder === '') process.stdout.write('left out: the quality of the detector, since ANOMALY_DATA is unset\n')
else defineTests()

function defineTests(): void {
  const references = JSON.parse(readFileSync(join(folder, 'adbench', 'sklearn_reference.json'), 'utf8'))
  for (const name of Object.keys(references)) {
    it(`the forest ranks ${name} as scikit-learn's does, within 0.01 AUC`, (t) => {
      const reference = references[name].auc
      const auc = mean(forestAucs(name, 10))
      t.diagnostic(`AUC ${auc.toFixed(4)}, scikit-learn ${reference.toFixed(4)}`)
      assert.ok(Math.abs(auc - reference) < 0.01)
    })
  }

  it('CPU faults in OnlineBoutique are ranked better than by an expanding z-score', async (t) => {
    const { detector, baseline } = await onlineBoutique()
    const [ours, theirs] = [ranking(detector), ranking(baseline)]
    t.diagnostic(`detector AP ${ours.averagePrecision.toFixed(3)} AUC ${ours.auc.toFixed(3)}`)
    t.diagnostic(`expanding z AP ${theirs.averagePrecision.toFixed(3)} AUC ${theirs.auc.toFixed(3)}`)
    assert.ok(ours.averagePrecision > theirs.averagePrecision + 0.05)
    assert.ok(ours.auc > theirs.auc)
  })
}

/** One AUC a seed. */
function forestAucs(name: string, seeds: number): number[] {
  const lines = gzipLines(folder, 'adbench', `${name}.csv.gz`)
    .slice(1)
    .map((line) => line.split(',').map(Number))
  const rows = lines.map((line) => line.slice(0, -1))
  return Array.from({ length: seeds }, (_, seed) => {
    const forest = IsolationForest.fit(rows, seed)
    return ranking(rows.map((row, i) => ({ score: forest.score(row), positive: lines[i]?.at(-1) === 1 }))).auc
  })
}

/** Negative: every request of a fault-free phase. Positive: the faulty service's during a CPU fault. Others don't count. */
async function onlineBoutique(): Promise<{ detector: Labelled[]; baseline: Labelled[] }> {
  const path = join(folder, 'onlineboutique')
  const faults: { chunk: number; service: string; type: string }[] = JSON.parse(
    readFileSync(join(path, 'faults.json'), 'utf8'),
  )
  const faulty = new Set(
    faults.filter(({ type }) => type.startsWith('cpu')).map(({ chunk, service }) => `${chunk} ${service}`),
  )
  const labels = gzipLines(path, 'labels.csv.gz').slice(1)
  const events = gzipLines(path, 'logs.jsonl.gz').map((line, offset) => {
    const { service, level, message, timestamp, latency_ms: latencyMs } = JSON.parse(line)
    return eventOf({ offset, service, level, message, latencyMs, timeMs: Date.parse(timestamp) })
  })
  const logs = await new ModelScorer({ servicesMax: 2000 }).score(events)
  const expandingZ = new ExpandingZ()
  const detector: Labelled[] = []
  const baseline: Labelled[] = []
  logs.forEach(({ event, score }, i) => {
    const z = event.latencyMs === null ? 0 : expandingZ.judge(`${event.service} ${event.message}`, event.latencyMs)
    const [, service, chunk, phase] = labels[i]?.split(',') ?? []
    const positive = phase === 'fault' && faulty.has(`${chunk} ${service}`)
    if (phase !== 'normal' && !positive) return
    detector.push({ score, positive })
    baseline.push({ score: z, positive })
  })
  return { detector, baseline }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
