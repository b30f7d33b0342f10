import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate, INCIDENT_KINDS } from '../../../src/demo/generator.ts'

const options = { seed: 3, logs: 20_000, startMs: Date.UTC(2026, 0, 5) }

test('the same seed gives the same bytes, another seed others', () => {
  const text = (seed: number): string =>
    [...generate({ ...options, seed, logs: 500 }).lines()].map(({ json }) => json).join('\n')
  assert.equal(text(3), text(3))
  assert.notEqual(text(3), text(4))
})

test('every kind of incident is planted once and shows in its service, and only while it lasts', () => {
  const { incidents, lines } = generate(options)
  assert.deepEqual(
    incidents.map(({ kind }) => kind),
    [...INCIDENT_KINDS],
  )
  const shown = new Map<number, number>()
  for (const { json, timestampMs, incident } of lines()) {
    if (incident === null) continue
    assert.equal(JSON.parse(json).service, incident.service)
    assert.ok(incident.fromMs <= timestampMs && timestampMs < incident.toMs)
    shown.set(incident.id, (shown.get(incident.id) ?? 0) + 1)
  }
  for (const { id, kind } of incidents) assert.ok((shown.get(id) ?? 0) >= 10, `${kind}: ${shown.get(id)} logs`)
})

test('event time only moves forward, and logs are as their service speaks', () => {
  let last = 0
  for (const { json, timestampMs } of generate({ ...options, logs: 2_000 }).lines()) {
    assert.ok(timestampMs >= last)
    last = timestampMs
    assert.doesNotMatch(JSON.parse(json).message, /[{}]/)
  }
})
