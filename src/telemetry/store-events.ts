/** What is said and counted about the database. */
import { messageOf } from '../errors.ts'
import type { Events } from '../events.ts'
import { codeOf, type EventParts, retry } from './kafka-events.ts'

type StoreEvents = Pick<
  Events,
  | 'postgresConnected'
  | 'postgresUnavailable'
  | 'postgresRefused'
  | 'flushRetried'
  | 'partitionFenced'
  | 'databaseRewound'
  | 'poisonRow'
  | 'deadLettersPurged'
  | 'migrationApplied'
  | 'snapshotRefused'
>

export function storeEvents({ voice, metrics, health }: EventParts): StoreEvents {
  const postgresRefused: StoreEvents['postgresRefused'] = ({ error, retryInMs }) => {
    metrics.postgresErrors.inc({ reason: 'refused' })
    health.postgresDown('refused', messageOf(error))
    voice.error('postgres_refused', `PostgreSQL refuses: ${messageOf(error)}; ${retry(retryInMs)}`, codeOf(error))
  }
  return {
    postgresConnected: () => health.postgresUp(),
    postgresUnavailable({ error, retryInMs }) {
      // Whoever only knows that it could not be used need not ask why: a wrong password is no outage.
      if (codeOf(error).code === 'POSTGRES_CONFIGURATION') return postgresRefused({ error, retryInMs })
      metrics.postgresErrors.inc({ reason: 'unavailable' })
      health.postgresDown('unavailable', messageOf(error))
      voice.error('postgres_unavailable', `PostgreSQL: ${messageOf(error)}; ${retry(retryInMs)}`, codeOf(error))
    },
    postgresRefused,
    flushRetried({ sqlstate, away, error }) {
      metrics.flushRetries.inc()
      metrics.postgresErrors.inc({ reason: 'transaction' })
      if (!away) voice.warn('flush_retried', `PostgreSQL: ${messageOf(error)}; sending the batch again`, { sqlstate })
    },
    partitionFenced({ partition }) {
      metrics.fenced.inc()
      const line = `Partition ${partition} has another owner; nothing was stored twice`
      voice.warn('partition_fenced', line, { partition })
    },
    databaseRewound({ partition, from, databaseOffset }) {
      metrics.rewound.inc()
      const line = `Partition ${partition}: the database stands at ${databaseOffset}, not ${from}; reading from there`
      voice.error('database_rewound', line, { partition, from, databaseOffset })
    },
    poisonRow({ partition, offset, sqlstate }) {
      metrics.poisonRows.inc()
      const line = `PostgreSQL refused the row of partition ${partition}, offset ${offset} (${sqlstate})`
      voice.warn('poison_row', line, { partition, offset, sqlstate })
    },
    deadLettersPurged({ byAge, bySize }) {
      if (byAge > 0) metrics.deadLettersPurged.inc({ limit: 'age' }, byAge)
      if (bySize > 0) metrics.deadLettersPurged.inc({ limit: 'size' }, bySize)
      if (byAge + bySize === 0) return
      const line = `Retention deleted ${byAge + bySize} dead letters: ${byAge} too old, ${bySize} too many`
      voice.info('dead_letters_purged', line, { byAge, bySize })
    },
    migrationApplied: ({ version, name }) =>
      voice.info('migration_applied', `✓ Applied migration ${version}: ${name}`, { version, name }),
    snapshotRefused({ partition, reason }) {
      metrics.snapshotsRefused.inc()
      voice.warn('snapshot_refused', `Partition ${partition}: the detector starts anew (${reason})`, { partition })
    },
  }
}
