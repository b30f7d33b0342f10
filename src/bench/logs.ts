/** The logs of the benchmark: what an SDK sends, about 236 bytes each, from a seed. */
import type { Random } from '../demo/random.ts'

const SERVICES = [
  'api-gateway',
  'auth-service',
  'payment-service',
  'order-service',
  'inventory-service',
  'search-service',
  'catalog',
  'notification',
]
const START_MS = Date.UTC(2026, 0, 5)
/** A thousand logs a second of event time. */
const SPACING_MS = 1

export function benchLog(random: Random, index: number): Buffer {
  const u = random.next()
  const level = u < 0.01 ? 'ERROR' : u < 0.03 ? 'WARN' : u > 0.95 ? 'DEBUG' : 'INFO'
  const fields = {
    service: SERVICES[random.below(SERVICES.length)],
    level,
    message: `request ${random.hex(12)} to /api/v1/orders/${random.below(1_000_000)} answered by node 10.0.${random.below(256)}.${random.below(256)}`,
    latency_ms: Math.round(40 * Math.exp(0.5 * random.normal())),
    userId: `u-${random.below(50_000)}`,
    timestamp: new Date(START_MS + index * SPACING_MS).toISOString(),
  }
  return Buffer.from(JSON.stringify(fields))
}
