/** A small, seeded world of services that log: what the detector's tests feed it. */
import { epochMs, type Level, type LogEvent } from '../../src/log.ts'

export const STREAM_START_MS = 1_767_225_600_000

/** mulberry32: not the generator under test. */
export function testRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export interface StreamOptions {
  readonly seed: number
  readonly logs: number
  readonly partitions?: number
  readonly stepMs?: number
}

const SERVICES = ['gateway', 'payment', 'search']
const OPERATIONS = [
  'GET /api/order/17',
  'lookup of user u-42 done',
  'worker 3: computed 9 items',
  'cache entry 77 expired',
]

/** `logs` ordinary logs, `stepMs` of event time apart. */
export function logStream({ seed, logs, partitions = 1, stepMs = 500 }: StreamOptions): LogEvent[] {
  const random = testRandom(seed)
  return Array.from({ length: logs }, (_, offset) => {
    const operation = Math.floor(random() * OPERATIONS.length)
    const noise = random() + random() + random() + random() - 2
    const draw = random()
    return eventAt(offset * stepMs, {
      partition: offset % partitions,
      offset,
      service: SERVICES[Math.floor(random() * SERVICES.length)] ?? '',
      level: draw < 0.005 ? 'ERROR' : draw < 0.02 ? 'WARN' : 'INFO',
      message: OPERATIONS[operation] ?? '',
      latencyMs: random() < 0.9 ? 20 * 2 ** operation * Math.exp(noise * 0.6) : null,
    })
  })
}

/** An ordinary log at this distance from the stream's start, with what matters to a test in its place. */
export function eventAt(afterMs: number, fields: Partial<LogEvent> = {}): LogEvent {
  const time = epochMs(STREAM_START_MS + afterMs)
  const level: Level = 'INFO'
  const usual = {
    partition: 0,
    offset: 0,
    item: 0,
    service: 'gateway',
    level,
    message: OPERATIONS[0] ?? '',
    latencyMs: 20,
  }
  return { ...usual, createdAt: time, recordTimestamp: time, userId: null, metadata: null, ...fields }
}
