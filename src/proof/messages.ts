/** What a proof sends: logs of every shape, bad ones among them, each a function of seed and number. Pure. */

/** MurmurHash3's finalizer: numbers that are one apart share nothing. In [0, 2^32). */
function mixed(seed: number, number: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ number
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

export interface ProofMessage {
  /** The number as text: by it the record is recognised in the topic. */
  readonly key: Buffer
  readonly value: Buffer | null
}

const SERVICES = ['gateway', 'payment', 'search', 'auth', 'catalogue', 'mail', 'zażółć-🚀']
const LEVELS = ['INFO', 'INFO', 'INFO', 'debug', 'warn', 'ERROR', 'fatal']
const START_MS = 1_767_571_200_000

export function proofMessage(seed: number, number: number): ProofMessage {
  const key = Buffer.from(String(number))
  const draw = mixed(seed, number)
  const kind = draw % 1000
  if (kind < 5) return { key, value: null } // a tombstone
  if (kind < 15) return { key, value: Buffer.from(`{"service":"broken","id":${number}`) }
  if (kind < 25)
    return { key, value: Buffer.from(`[${log(seed, number, 0)},${log(seed, number, 1)},${log(seed, number, 2)}]`) }
  if (kind < 30) return { key, value: Buffer.from(`[${log(seed, number, 0)},17,${log(seed, number, 2)}]`) }
  return { key, value: Buffer.from(log(seed, number, 0)) }
}

function log(seed: number, number: number, item: number): string {
  const draw = mixed(seed + 1 + item, number)
  const service = SERVICES[draw % SERVICES.length]
  const level = LEVELS[(draw >>> 4) % LEVELS.length]
  // Half of them carry their own time; the others get their record's.
  const timestamp = draw & 0x10000 ? { timestamp: new Date(START_MS + number * 10).toISOString() } : {}
  const user = draw & 0x20000 ? { userId: `u-${draw % 500}` } : {}
  return JSON.stringify({
    service,
    level,
    message: `request ${number}.${item} answered with ${200 + (draw % 300)}\u0000${'·'.repeat(draw % 40)}`,
    latency_ms: (draw % 100_000) / 40,
    ...timestamp,
    ...user,
    id: number,
    nested: { item, draw, list: [draw % 7, 'é'] },
  })
}
