/** A store behind a ledger, as a worker has them: one lane, no waiting, no chance. */
import { silentEvents } from '../../src/events.ts'
import type { PinRequest, StartOffset } from '../../src/ledger.ts'
import type { DatabaseOptions } from '../../src/postgres/connection.ts'
import type { PostgresLedger } from '../../src/postgres/ledger.ts'
import { LogStore, type LogStoreOptions } from '../../src/postgres/log-store.ts'

export const NAMESPACE = 'default'
export const TOPIC = 'logs'

/** A first start at the beginning of these partitions. */
export function pinRequest(partitions: readonly number[], topicKey = 'cluster:topic'): PinRequest {
  const startOffsets = async (): Promise<Map<number, StartOffset>> => new Map()
  return { topic: TOPIC, topicKey, partitions, startPolicy: 'earliest', startOffsets }
}

/** Of NAMESPACE and TOPIC, where the ledger stands; it retries for ever unless another signal is given. */
export function logStore(
  database: DatabaseOptions,
  ledger: Pick<PostgresLedger, 'pinned'>,
  overrides: Partial<LogStoreOptions> = {},
): LogStore {
  return new LogStore({
    database,
    namespace: NAMESPACE,
    topic: TOPIC,
    pinned: () => ledger.pinned(),
    deadLetterBytesMax: 1_024,
    decodeHeaders: () => [],
    reserveIds: () => false,
    events: silentEvents(),
    lanes: 1,
    sleep: async () => undefined,
    random: () => 0,
    signal: new AbortController().signal,
    ...overrides,
  })
}
