/**
 * Where a benchmark plays: the given Kafka and PostgreSQL, or embedded ones; with a topic and a schema of its own in them, because it
 * empties its tables again and again. Nothing of an installation is touched.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { NO_KAFKA_SECURITY } from '../config/kafka-security.ts'
import { loadConfig } from '../config.ts'
import { silentEvents } from '../events.ts'
import { startEmbeddedBroker } from '../kafka/embedded-broker/broker.ts'
import { openProducer, type Producer } from '../kafka/producer.ts'
import { deleteTopic } from '../kafka/topic-admin.ts'
import { connect, type DatabaseOptions } from '../postgres/connection.ts'
import { startEmbeddedPostgres } from '../postgres/embedded-server.ts'
import { migrate } from '../postgres/migrate.ts'
import { createSchema, dropSchema } from '../postgres/own-schema.ts'
import { databaseOptions } from './database.ts'
import { databaseIsGiven, isGiven } from './given.ts'
import { clusterOptions, KAFKA_TIMEOUTS } from './kafka-cluster.ts'

export interface BenchStage {
  readonly env: NodeJS.ProcessEnv
  /** By which a child finds the same Kafka. */
  readonly kafkaEnv: Readonly<Record<string, string>>
  readonly brokerName: string
  /** Of the embedded server; undefined where workers find a given one as we did. */
  readonly databaseUrl: string | undefined
  /** With the benchmark's schema, as the connection has it. */
  readonly access: DatabaseOptions
  readonly schema: string
  readonly database: pg.Client
  readonly producer: Producer
  readonly folder: string
  readonly topic: string
}

/** `closers` are to be called in reverse, also where this rejects half way. */
export async function openBenchStage(env: NodeJS.ProcessEnv, closers: (() => Promise<unknown>)[]): Promise<BenchStage> {
  const topic = `insighthub-bench-${process.pid}`
  const kafka = await openKafka(env, topic, closers)
  const postgres = await openPostgres(env, closers)
  const folder = await mkdtemp(join(tmpdir(), 'insighthub-bench-'))
  await chmod(folder, 0o755)
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return { env, topic, folder, ...kafka, ...postgres }
}

async function openKafka(env: NodeJS.ProcessEnv, topic: string, closers: (() => Promise<unknown>)[]) {
  const clientId = 'insighthub-bench'
  const given = isGiven(env, 'KAFKA_BROKER') ? clusterOptions(loadConfig(env).config, clientId) : null
  const broker = given === null ? await startEmbeddedBroker({}) : null
  if (broker !== null) closers.push(() => broker.close())
  if (given !== null) for (const each of [topic, `${topic}-age`]) closers.push(() => deleteTopic(given, each))
  const cluster = given ?? { brokers: [broker?.address ?? ''], clientId, ...KAFKA_TIMEOUTS }
  const producer = await openProducer(cluster)
  closers.push(() => producer.close())
  const names = cluster.brokers.join(',')
  const kafkaEnv = { ...(given === null ? NO_KAFKA_SECURITY : {}), KAFKA_BROKER: names }
  return { kafkaEnv, brokerName: given === null ? 'the embedded broker' : `Kafka at ${names}`, producer }
}

async function openPostgres(env: NodeJS.ProcessEnv, closers: (() => Promise<unknown>)[]) {
  const postgres = databaseIsGiven(env) ? null : await startEmbeddedPostgres({})
  if (postgres !== null) closers.push(() => postgres.close())
  const databaseUrl = postgres?.url
  const { config } = loadConfig({ ...env, ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) })
  const { schema: _, ...outside } = databaseOptions(config, 'bench')
  const schema = `insighthub_bench_${Date.now().toString(36)}_${process.pid}`
  closers.push(() => dropSchema(outside, schema))
  await createSchema(outside, schema)
  const access = { ...outside, schema }
  await migrate({ database: access, events: silentEvents() })
  const database = await connect(access)
  closers.push(() => database.end())
  await database.query('create index logs_bench_idx on logs (service, level, created_at)')
  return { databaseUrl, access, schema, database }
}
