import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from '../../../src/demo/generator.ts'
import { INCIDENT_KINDS } from '../../../src/demo/incidents.ts'

const options = { seed: 3, logs: 20_000, startMs: Date.UTC(2026, 0, 5) }

test('the same seed gives the same bytes, another seed others', () => {
  const text = (seed: number): string =>
    [...generate({ ...options, seed, logs: 500 }).lines()].map(({ json }) => json).join('\n')
  assert.equal(text(3), text(3))
  assert.notEqual(text(3), text(4))
})

test('every kind of incident is planted twice and shows in its service, and only while it lasts', () => {
  for (const logs of [5_000, 120_000]) {
    const { incidents, lines } = generate({ ...options, logs })
    assert.deepEqual(incidents.map(({ kind }) => kind).sort(), [...INCIDENT_KINDS, ...INCIDENT_KINDS].sort())
    const shown = new Map<number, number>()
    for (const { json, timestampMs, incident } of lines()) {
      if (incident === null) continue
      assert.equal(JSON.parse(json).service, incident.service)
      assert.ok(incident.fromMs <= timestampMs && timestampMs < incident.toMs)
      shown.set(incident.id, (shown.get(incident.id) ?? 0) + 1)
    }
    const enough = logs < 20_000 ? 3 : 30
    for (const { id, kind } of incidents) assert.ok((shown.get(id) ?? 0) >= enough, `${kind}: ${shown.get(id)} logs`)
  }
})

test('the afternoon is several times busier than the night', () => {
  const perHour = new Map<number, number>()
  for (const { timestampMs } of generate({ ...options, logs: 240_000 }).lines()) {
    const hour = new Date(timestampMs).getUTCHours()
    perHour.set(hour, (perHour.get(hour) ?? 0) + 1)
  }
  assert.ok((perHour.get(14) ?? 0) > 2.5 * (perHour.get(2) ?? 0), JSON.stringify([...perHour]))
})

test('event time only moves forward, and logs are as their service speaks', () => {
  let last = 0
  for (const { json, timestampMs } of generate({ ...options, logs: 2_000 }).lines()) {
    assert.ok(timestampMs >= last)
    last = timestampMs
    assert.doesNotMatch(JSON.parse(json).message, /[{}]/)
  }
})
