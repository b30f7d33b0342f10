/**
 * The original way of the installations that this project takes over: kafkajs, a message at a time, its rules for a score, one INSERT
 * a log through a pool, offsets committed by themselves. `node bench/peers/original.ts` runs it, with the seed's own variables.
 */
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { type Peer, SESSION_TIMEOUT_MS } from './peer.ts'

export const original: Peer = {
  name: 'the original way: kafkajs, one INSERT a log (not compressed)',
  rowsMax: 20_000,
  missing: () => null,
  bring: async () => undefined,
  start: async ({ broker, topic, group, database }) => ({
    command: process.execPath,
    args: [import.meta.filename],
    env: {
      KAFKA_BROKER: broker,
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: group,
      PGHOST: database.host,
      PGPORT: String(database.port),
      PGUSER: database.user,
      PGPASSWORD: database.password,
      PGDATABASE: database.database,
      PGOPTIONS: `-c search_path=${database.schema}`,
    },
  }),
}

interface Log {
  readonly service: string
  readonly level: string
  readonly message: string
  readonly latency_ms?: number
  readonly userId?: string
  readonly timestamp: string
}

const INSERT = `insert into logs (service, level, message, latency_ms, user_id, anomaly_score, is_anomaly, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)`

function scoreOf({ level, latency_ms: latencyMs = 0 }: Log): number {
  const slow = (latencyMs > 1000 ? 0.5 : 0) + (latencyMs > 2000 ? 0.3 : 0)
  return Math.min(1, slow + (level === 'ERROR' ? 0.3 : 0))
}

async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const pool = new pg.Pool({ max: 10 })
  const kafka = new Kafka({ brokers: [env['KAFKA_BROKER'] ?? ''], logLevel: logLevel.ERROR })
  const consumer = kafka.consumer({ groupId: env['KAFKA_GROUP_ID'] ?? '', sessionTimeout: SESSION_TIMEOUT_MS })
  await consumer.connect()
  await consumer.subscribe({ topic: env['KAFKA_TOPIC'] ?? '', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      try {
        const log: Log = JSON.parse(message.value?.toString() ?? '')
        const { service, level, message: text, latency_ms: latencyMs = null, userId = null, timestamp } = log
        const score = scoreOf(log)
        await pool.query(INSERT, [service, level, text, latencyMs, userId, score, score >= 0.7, new Date(timestamp)])
      } catch (error) {
        process.stderr.write(`${String(error)}\n`)
      }
    },
  })
}

if (import.meta.main) await main(process.env)
