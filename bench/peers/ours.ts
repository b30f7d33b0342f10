/** This program, as `npm start` runs it: one worker, everything scored, dead letters, aggregates, exactly once. */
import { resolve } from 'node:path'
import { MALLOC, WORKER_FLAGS } from '../../src/workers/worker-env.ts'
import { here, type Peer, postgresUrl, SESSION_TIMEOUT_MS } from './peer.ts'
import { OURS } from './table.ts'

const entry = resolve(here, '../../src/main.ts')

export const ours: Peer = {
  name: `${OURS}, scored, exactly once`,
  missing: () => null,
  bring: async () => undefined,
  start: async (place) => ({
    command: process.execPath,
    args: [...WORKER_FLAGS, entry, 'process', '--workers', '1'],
    env: {
      ...MALLOC,
      KAFKA_BROKER: place.broker,
      KAFKA_TOPIC: place.topic,
      KAFKA_GROUP_ID: place.group,
      INSIGHTHUB_NAMESPACE: place.group,
      KAFKA_START: 'earliest',
      KAFKA_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      DATABASE_URL: postgresUrl(place, 'postgres', ''),
      DB_SCHEMA: place.database.schema,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
    },
  }),
}
