/** The logs of the benchmark: what an SDK sends, about 236 bytes each unless another shape is asked for, from a seed. */
import type { Random } from '../demo/random.ts'
import { benchText, type Text } from './texts.ts'

export interface LogShape {
  /** How many services the logs come from. */
  readonly services: number
  /** Bytes of the JSON, about; the message is made longer or shorter. undefined: as the SDK's are. */
  readonly bytes?: number | undefined
  /** Of each thousand logs so many cannot be read. */
  readonly brokenPerThousand?: number | undefined
  /** With fields beside that have no column: a trace id, a host, a status. */
  readonly extras?: boolean | undefined
  /** Messages of another kind. */
  readonly text?: Text | undefined
  /** Milliseconds since the epoch, instead of the event time that the index gives. */
  readonly atMs?: number | undefined
}

const NAMES = [
  'api-gateway',
  'auth-service',
  'payment-service',
  'order-service',
  'inventory-service',
  'search-service',
  'catalog',
  'notification',
]
export const USUAL_SHAPE: LogShape = { services: NAMES.length }
const START_MS = Date.UTC(2026, 0, 5)
/** A thousand logs a second of event time. */
const SPACING_MS = 1
/** Everything of a log but its message. */
const FRAME_BYTES = 145

const serviceName = (index: number): string => NAMES[index] ?? `service-${index}`

export function benchLog(random: Random, index: number, shape: LogShape = USUAL_SHAPE): Buffer {
  const u = random.next()
  const level = u < 0.01 ? 'ERROR' : u < 0.03 ? 'WARN' : u > 0.95 ? 'DEBUG' : 'INFO'
  const fields = {
    service: serviceName(random.below(shape.services)),
    level,
    message: sized(shape.text === undefined ? usualText(random) : benchText(random, shape.text), shape.bytes),
    latency_ms: Math.round(40 * Math.exp(0.5 * random.normal())),
    userId: `u-${random.below(50_000)}`,
    timestamp: new Date(shape.atMs ?? START_MS + index * SPACING_MS).toISOString(),
    ...(shape.extras === true
      ? { traceId: random.hex(32), host: `node-${random.below(50)}`, status: 200 + random.below(5) }
      : {}),
  }
  const json = JSON.stringify(fields)
  const broken = shape.brokenPerThousand !== undefined && index % 1000 < shape.brokenPerThousand
  return Buffer.from(broken ? json.slice(0, -1) : json)
}

function usualText(random: Random): string {
  return `request ${random.hex(12)} to /api/v1/orders/${random.below(1_000_000)} answered by node 10.0.${random.below(256)}.${random.below(256)}`
}

const FILLER = ' and then waited for the next one of its kind'

function sized(message: string, bytes: number | undefined): string {
  if (bytes === undefined) return message
  const length = Math.max(16, bytes - FRAME_BYTES)
  if (message.length >= length) return message.slice(0, length)
  return message + FILLER.repeat(Math.ceil((length - message.length) / FILLER.length)).slice(0, length - message.length)
}
