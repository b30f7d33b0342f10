/**
 * Where a benchmark plays: the given Kafka and PostgreSQL, or embedded ones; with topics and a schema of its own in them, because it
 * empties its tables again and again. Nothing of an installation is touched.
 */
import { chmod, rm } from 'node:fs/promises'
import type pg from 'pg'
import { statOf } from '../bench/process-usage.ts'
import { NO_KAFKA_SECURITY } from '../config/kafka-security.ts'
import { loadConfig } from '../config.ts'
import { silentEvents } from '../events.ts'
import type { ClusterOptions } from '../kafka/broker-cluster.ts'
import { startEmbeddedBroker } from '../kafka/embedded-broker/broker.ts'
import { openProducer, type Producer } from '../kafka/producer.ts'
import { deleteTopic } from '../kafka/topic-admin.ts'
import { connect, type DatabaseOptions } from '../postgres/connection.ts'
import { startEmbeddedPostgres } from '../postgres/embedded-server.ts'
import { migrate } from '../postgres/migrate.ts'
import { createSchema, dropSchema } from '../postgres/own-schema.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { databaseOptions } from './database.ts'
import { databaseIsGiven, isGiven } from './given.ts'
import { clusterOptions, KAFKA_TIMEOUTS } from './kafka-cluster.ts'

export interface BenchStage {
  readonly env: NodeJS.ProcessEnv
  /** By which a child finds the same Kafka. */
  readonly kafkaEnv: Readonly<Record<string, string>>
  readonly cluster: ClusterOptions
  readonly brokerName: string
  /** Of the embedded server; undefined where workers find a given one as we did. */
  readonly databaseUrl: string | undefined
  /** With the benchmark's schema, as the connection has it. */
  readonly access: DatabaseOptions
  readonly schema: string
  readonly database: pg.Client
  /** PostgreSQL's first process; null where it runs on another machine. */
  readonly postmaster: number | null
  /** Its version and what differs from its defaults. */
  readonly postgresName: string
  readonly producer: Producer
  readonly folder: string
  /** Begins the name of every topic. */
  readonly topic: string
  /** Lends a new topic, which is gone afterwards. */
  withTopic<T>(topic: NewTopic, work: (name: string) => Promise<T>): Promise<T>
}

export interface NewTopic {
  /** Ends its name. */
  readonly name: string
  readonly partitions: number
}

/** `closers` are to be called in reverse, also where this rejects half way. */
export async function openBenchStage(env: NodeJS.ProcessEnv, closers: (() => Promise<unknown>)[]): Promise<BenchStage> {
  const topic = `insighthub-bench-${process.pid}`
  const kafka = await openKafka(env, topic, closers)
  const postgres = await openPostgres(env, closers)
  const folder = await scratchFolder('bench')
  await chmod(folder, 0o755)
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return { env, topic, folder, ...kafka, ...postgres }
}

async function openKafka(env: NodeJS.ProcessEnv, topic: string, closers: (() => Promise<unknown>)[]) {
  const clientId = 'insighthub-bench'
  const given = isGiven(env, 'KAFKA_BROKER') ? clusterOptions(loadConfig(env).config, clientId) : null
  const broker = given === null ? await startEmbeddedBroker({}) : null
  if (broker !== null) closers.push(() => broker.close())
  const cluster = given ?? { brokers: [broker?.address ?? ''], clientId, ...KAFKA_TIMEOUTS }
  const left = new Set<string>()
  if (given !== null) closers.push(() => Promise.all([...left].map((each) => deleteTopic(given, each))))
  const producer = await openProducer(cluster)
  closers.push(() => producer.close())
  const withTopic: BenchStage['withTopic'] = async ({ name, partitions }, work) => {
    const whole = `${topic}-${name}`
    left.add(whole)
    await producer.createTopic(whole, partitions)
    const result = await work(whole)
    await deleteTopic(cluster, whole)
    left.delete(whole)
    return result
  }
  const names = cluster.brokers.join(',')
  const kafkaEnv = { ...(given === null ? NO_KAFKA_SECURITY : {}), KAFKA_BROKER: names }
  const brokerName = given === null ? 'the embedded broker' : `Kafka at ${names}`
  return { kafkaEnv, cluster, brokerName, producer, withTopic }
}

/** So that no checkpoint falls into one round and not into another, and the time of each commit is known. */
const EMBEDDED_SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
  track_commit_timestamp: 'on',
}

async function openPostgres(env: NodeJS.ProcessEnv, closers: (() => Promise<unknown>)[]) {
  const postgres = databaseIsGiven(env) ? null : await startEmbeddedPostgres({ settings: EMBEDDED_SETTINGS })
  if (postgres !== null) closers.push(() => postgres.close())
  const databaseUrl = postgres?.url
  const { config } = loadConfig({ ...env, ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) })
  const { schema: _, ...outside } = databaseOptions(config, 'bench')
  const schema = `insighthub_bench_${Date.now().toString(36)}_${process.pid}`
  closers.push(() => dropSchema(outside, schema))
  const version = await createSchema(outside, schema)
  const access = { ...outside, schema }
  await migrate({ database: access, events: silentEvents() })
  const database = await connect(access)
  closers.push(() => database.end())
  database.on('error', () => undefined)
  await database.query('create index logs_bench_idx on logs (service, level, created_at)')
  await database.query('alter table logs set (autovacuum_enabled = off)')
  const settings = Object.entries(EMBEDDED_SETTINGS).map(([name, value]) => `${name} ${value}`)
  const postgresName = `PostgreSQL ${version}${postgres === null ? '' : ` with ${settings.join(', ')}`}`
  return { databaseUrl, access, schema, database, postgresName, postmaster: await postmasterOf(database) }
}

/** The parent of our own backend, if a process of that number here is PostgreSQL's. */
async function postmasterOf(database: pg.Client): Promise<number | null> {
  const { rows } = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  const backend = statOf(rows[0]?.pid ?? 0)
  return backend?.command.startsWith('postgres') ? backend.parent : null
}
