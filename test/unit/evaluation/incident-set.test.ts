import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { measureIncidents } from '../../../src/evaluation/incident-set.ts'
import { logStream, STREAM_START_MS } from '../../support/log-stream.ts'

const LOGS = 8_000
const OUTLIER = 7_000

it('a log found unusual is no false episode where the incident begins a fraction of a millisecond after its label', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'insighthub-replay-'))
  try {
    const events = logStream({ seed: 4, logs: LOGS })
    const seconds = events.map(({ createdAt }) => createdAt / 1000)
    const service = events[OUTLIER]?.service ?? ''
    const line = (
      { service: name, level, message, latencyMs, createdAt }: (typeof events)[number],
      i: number,
    ): string =>
      JSON.stringify({
        service: name,
        level,
        message,
        latency_ms: i === OUTLIER ? 900_000 : latencyMs,
        timestamp: new Date(createdAt).toISOString(),
      })
    writeFileSync(join(folder, 'logs.jsonl'), `${events.map(line).join('\n')}\n`)
    const labels = events.map((event, i) => {
      const hit = Number(i === OUTLIER)
      return `${seconds[i]?.toFixed(3)},${event.service},${hit},${hit}`
    })
    writeFileSync(join(folder, 'labels.csv'), `t,service,label,incident_id\n${labels.join('\n')}\n`)
    const start = (seconds[OUTLIER] ?? 0) + 0.0004
    const incident = { id: 1, type: 'point_outlier', service, start, end: start + 1, start_significant: start }
    writeFileSync(join(folder, 'incidents.json'), JSON.stringify([incident]))
    const from = STREAM_START_MS / 1000
    writeFileSync(join(folder, 'meta.json'), JSON.stringify({ eval_start: start - 60, t_end: from + LOGS / 2 }))
    const result = await measureIncidents('replay', folder, { servicesMax: 2000 })
    assert.equal(result.incidents_detected, 1)
    assert.equal(result.types['point_outlier']?.median_delay_s, 0)
    assert.equal(result.false_episodes_per_service_day, 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
