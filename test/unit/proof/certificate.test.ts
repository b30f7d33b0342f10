import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificateJson, certificateMarkdown, certify, type ProofFacts } from '../../../src/proof/certificate.ts'

const good: ProofFacts = {
  seed: 42,
  minutes: 5,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:05:00.000Z',
  versions: { processor: '1.2.3' },
  settings: { workers: 3 },
  messages: { sent: 10, acked: 10, inTopic: 10, lostByKafka: 0 },
  rows: { expected: 10, stored: 10, late: 1, ageMsMax: 12_345 },
  lateAfterMs: 9_000,
  letters: { expected: 1, stored: 1 },
  findings: { lost: 0, duplicated: 0, altered: 0, unexpected: 0 },
  examples: [],
  faults: [{ kind: 'kill', atMs: 1, pid: 2, partitions: [0], recoveredMs: 6_100, wrong: null }],
  drained: true,
  audit: [],
  incidents: [],
}

test('the verdict is exactly once only where nothing at all was wrong', () => {
  assert.deepEqual([certify(good).verdict, certify(good).reasons], ['exactly once', []])
  const harms: Partial<ProofFacts>[] = [
    { findings: { ...good.findings, lost: 1 } },
    { findings: { ...good.findings, duplicated: 1 } },
    { findings: { ...good.findings, altered: 1 } },
    { findings: { ...good.findings, unexpected: 1 } },
    { messages: { ...good.messages, lostByKafka: 1 } },
    { messages: { ...good.messages, inTopic: 0 } },
    { faults: [] },
    { faults: good.faults.map((fault) => ({ ...fault, recoveredMs: null })) },
    { faults: good.faults.map((fault) => ({ ...fault, wrong: 'it would not stop' })) },
    { drained: false },
    { audit: ['partition 0: rows_missing'] },
    { incidents: ['a worker exited with 1'] },
  ]
  for (const harm of harms) {
    const { verdict, reasons } = certify({ ...good, ...harm })
    assert.equal(verdict, 'failed', JSON.stringify(harm))
    assert.equal(reasons.length, 1, JSON.stringify(reasons))
  }
})

test('the JSON has verdict, seed and counts on top, names in snake case', () => {
  const json = JSON.parse(certificateJson(certify(good)))
  assert.equal(Object.keys(json)[0], 'verdict')
  assert.deepEqual([json.seed, json.lost, json.duplicated, json.altered, json.late], [42, 0, 0, 0, 1])
  assert.deepEqual([json.messages.in_topic, json.faults[0].recovered_ms], [10, 6_100])
  assert.deepEqual(json.recovery.kill, { count: 1, p50: 6_100, p95: 6_100, max: 6_100 })
})

test('the page says the verdict first, and why not where it failed', () => {
  assert.match(
    certificateMarkdown(certify(good)),
    /^# Exactly once: proved\n[\s\S]*\| kill \|.*\| 1 \| 6100 \| 6100 \| 6100 \|/,
  )
  const failed = certificateMarkdown(certify({ ...good, findings: { ...good.findings, lost: 3 } }))
  assert.match(failed, /^# Exactly once: NOT proved\n[\s\S]*## Why not\n\n- 3 rows or dead letters are missing\n/)
})
