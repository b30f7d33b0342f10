/**
 * Where the demo plays: a broker and a database of its own, or what the environment names. There it is a guest: its topic, its group
 * and its schema are its own, and go with it.
 */
import { NO_KAFKA_SECURITY } from '../config/kafka-security.ts'
import { loadConfig } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { ClusterOptions } from '../kafka/broker-cluster.ts'
import { startEmbeddedBroker } from '../kafka/embedded-broker/broker.ts'
import { deleteGroup, deleteTopic } from '../kafka/topic-admin.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import { startEmbeddedPostgres } from '../postgres/embedded-server.ts'
import { createSchema, dropSchema } from '../postgres/own-schema.ts'
import { databaseOptions } from './database.ts'
import { databaseIsGiven, isGiven } from './given.ts'
import { clusterOptions, KAFKA_TIMEOUTS } from './kafka-cluster.ts'
import { persistently } from './persistently.ts'

export interface DemoStage {
  readonly cluster: ClusterOptions
  readonly topic: string
  readonly database: DatabaseOptions
  /** By which a worker finds the same Kafka and the same database. */
  readonly env: Readonly<Record<string, string>>
  /** Lines for people: where to look. */
  readonly places: readonly string[]
}

/** Whatever was opened is closed in reverse, also when the demo fails half way. */
export class Closers {
  readonly #closers: { readonly close: () => Promise<unknown>; readonly what: string | null }[] = []

  /** `what` stays behind where it can't be closed, and is worth a word then. */
  add(close: () => Promise<unknown>, what: string | null = null): void {
    this.#closers.push({ close, what })
  }

  /** Gives what stayed behind, each with the reason. */
  async closeAll(): Promise<string[]> {
    const left: string[] = []
    for (const { close, what } of this.#closers.splice(0).reverse()) {
      const failed = await close().then(
        () => null,
        (error: unknown) => messageOf(error),
      )
      if (failed !== null && what !== null) left.push(`${what} (${failed})`)
    }
    return left
  }
}

/** `id` makes the names of topic, group and schema. Rejects as a connection does, and where the user may not make a schema. */
export async function openDemoStage(
  env: NodeJS.ProcessEnv,
  id: string,
  { closers, tell }: { closers: Closers; tell: (text: string) => void },
): Promise<DemoStage> {
  const kafka = await openKafka(env, id, { closers, tell })
  const postgres = await openPostgres(env, id, { closers, tell })
  return {
    ...kafka,
    ...postgres,
    env: { ...kafka.env, ...postgres.env },
    places: [...kafka.places, ...postgres.places],
  }
}

interface Making {
  readonly closers: Closers
  readonly tell: (text: string) => void
}

async function openKafka(env: NodeJS.ProcessEnv, id: string, { closers, tell }: Making) {
  if (isGiven(env, 'KAFKA_BROKER')) {
    const cluster = clusterOptions(loadConfig(env).config, 'insighthub-demo')
    const topic = `insighthub-demo-${id}`
    const where = cluster.brokers.join(',')
    closers.add(() => deleteTopic(cluster, topic), `the topic ${topic}`)
    closers.add(() => persistently(() => deleteGroup(cluster, topic)), `the group ${topic}`)
    tell(`✓ Kafka on ${where}: topic and group ${topic}`)
    const places = [`Kafka       ${where}, topic ${topic}`]
    return { cluster, topic, places, env: { KAFKA_TOPIC: topic, KAFKA_GROUP_ID: topic } }
  }
  const broker = await startEmbeddedBroker({})
  closers.add(() => broker.close())
  const cluster = { brokers: [broker.address], clientId: 'insighthub-demo', ...KAFKA_TIMEOUTS }
  tell(`✓ Embedded Kafka broker on ${broker.address}`)
  const names = { KAFKA_BROKER: broker.address, KAFKA_TOPIC: 'logs', KAFKA_GROUP_ID: 'log-processors' }
  const places = [`Kafka       ${broker.address}`]
  return { cluster, topic: 'logs', places, env: { ...NO_KAFKA_SECURITY, ...names } }
}

async function openPostgres(env: NodeJS.ProcessEnv, id: string, { closers, tell }: Making) {
  if (databaseIsGiven(env)) {
    const { schema: _, ...outside } = databaseOptions(loadConfig(env).config, 'demo')
    const schema = `insighthub_demo_${id}`
    await createSchema(outside, schema)
    closers.add(() => dropSchema(outside, schema), `the schema ${schema}`)
    const where = `${outside.host}:${outside.port}, database ${outside.database}, schema ${schema}`
    tell(`✓ PostgreSQL on ${where}`)
    return { database: { ...outside, schema }, places: [`PostgreSQL  ${where}`], env: { DB_SCHEMA: schema } }
  }
  const postgres = await startEmbeddedPostgres({ durable: true })
  closers.add(() => postgres.close())
  tell(`✓ Embedded PostgreSQL on ${postgres.host}:${postgres.port} (${postgres.binaries})`)
  const { host, port, user, password, database } = postgres
  const options = { host, port, user, password, database, ssl: false, applicationName: 'insighthub-processor demo' } as const // biome-ignore format: one line
  return {
    database: options,
    places: [`PostgreSQL  psql ${postgres.url}`],
    env: { DATABASE_URL: postgres.url, DB_SCHEMA: '' },
  }
}
