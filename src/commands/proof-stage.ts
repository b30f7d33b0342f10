/** Where a proof plays: the given Kafka and PostgreSQL, or embedded ones; with a topic, a group and a schema of its own in them. */
import { NO_KAFKA_SECURITY } from '../config/kafka-security.ts'
import { loadConfig } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { ClusterOptions } from '../kafka/broker-cluster.ts'
import { startEmbeddedBroker } from '../kafka/embedded-broker/broker.ts'
import { openProducer, type Producer } from '../kafka/producer.ts'
import { deleteGroup, deleteTopic } from '../kafka/topic-admin.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import { startEmbeddedPostgres } from '../postgres/embedded-server.ts'
import { createSchema, dropSchema } from '../postgres/own-schema.ts'
import { databaseOptions } from './database.ts'
import { databaseIsGiven, isGiven } from './given.ts'
import { clusterOptions, KAFKA_TIMEOUTS } from './kafka-cluster.ts'
import { persistently } from './persistently.ts'

export interface Stage {
  readonly cluster: ClusterOptions
  /** With the proof's schema. */
  readonly database: DatabaseOptions
  /** What the workers need beyond our environment. */
  readonly env: Readonly<Record<string, string>>
  readonly topic: string
  readonly schema: string
  readonly producer: Producer
  readonly versions: Readonly<Record<string, string>>
  /** Takes away what was made, in reverse; what could not be taken away is told. */
  close(keep: boolean): Promise<string[]>
}

export const PARTITIONS = 4

interface Undo {
  /** null: nothing that stays behind. */
  readonly what: string | null
  readonly undo: () => Promise<unknown>
}

/** Rejects with whatever hinders it; what was made until then is taken away. */
export async function openStage(env: NodeJS.ProcessEnv, id: string, tell: (text: string) => void): Promise<Stage> {
  const undos: Undo[] = []
  const closeStage = async (keep: boolean): Promise<string[]> => {
    const left: string[] = []
    for (const { what, undo } of undos.splice(0).reverse()) {
      if (keep && what !== null) left.push(what)
      else await undo().catch((error: unknown) => left.push(`${what ?? 'a part'} (${messageOf(error)})`))
    }
    return left
  }
  try {
    const kafka = await openKafka(env, id, { undos, tell })
    const postgres = await openPostgres(env, id, { undos, tell })
    return {
      ...kafka,
      ...postgres,
      versions: { ...kafka.versions, ...postgres.versions },
      env: { ...kafka.env, ...postgres.env },
      close: closeStage,
    }
  } catch (error) {
    await closeStage(false)
    throw error
  }
}

interface Making {
  readonly undos: Undo[]
  readonly tell: (text: string) => void
}

async function openKafka(env: NodeJS.ProcessEnv, id: string, { undos, tell }: Making) {
  let cluster: ClusterOptions
  let where: string
  let kafkaEnv: Record<string, string> = {}
  if (!isGiven(env, 'KAFKA_BROKER')) {
    const broker = await startEmbeddedBroker({})
    undos.push({ what: null, undo: () => broker.close() })
    cluster = { brokers: [broker.address], clientId: 'insighthub-prove', ...KAFKA_TIMEOUTS }
    kafkaEnv = { ...NO_KAFKA_SECURITY, KAFKA_BROKER: broker.address }
    where = `embedded broker, ${broker.address}`
  } else {
    cluster = clusterOptions(loadConfig(env).config, 'insighthub-prove')
    where = cluster.brokers.join(',')
  }
  const producer = await openProducer(cluster)
  undos.push({ what: null, undo: () => producer.close() })
  const topic = `insighthub-prove-${id}`
  undos.push({ what: `the topic ${topic}`, undo: () => deleteTopic(cluster, topic) })
  undos.push({ what: `the group ${topic}`, undo: () => persistently(() => deleteGroup(cluster, topic)) })
  await producer.createTopic(topic, PARTITIONS)
  tell(`✓ Kafka: ${where}; topic and group ${topic}, ${PARTITIONS} partitions`)
  kafkaEnv = { ...kafkaEnv, KAFKA_TOPIC: topic, KAFKA_GROUP_ID: topic }
  return { cluster, topic, producer, env: kafkaEnv, versions: { kafka: where } }
}

async function openPostgres(env: NodeJS.ProcessEnv, id: string, { undos, tell }: Making) {
  const schema = `insighthub_prove_${id}`
  let given: DatabaseOptions
  let databaseEnv: Record<string, string> = { DB_SCHEMA: schema }
  let where: string
  if (!databaseIsGiven(env)) {
    const server = await startEmbeddedPostgres({ durable: true })
    undos.push({ what: null, undo: () => server.close() })
    const { host, port, user, password, database } = server
    given = { host, port, user, password, database, ssl: false, applicationName: 'insighthub-processor prove' }
    databaseEnv = { ...databaseEnv, DATABASE_URL: server.url }
    where = `embedded (${server.binaries})`
  } else {
    given = databaseOptions(loadConfig(env).config, 'prove')
    where = `${given.host}:${given.port}, database ${given.database}`
  }
  const { schema: _, ...outside } = given
  undos.push({ what: `the schema ${schema}`, undo: () => dropSchema(outside, schema) })
  const version = await createSchema(outside, schema)
  tell(`✓ PostgreSQL: ${where}; schema ${schema}`)
  return { database: { ...given, schema }, schema, env: databaseEnv, versions: { postgresql: `${version}, ${where}` } }
}
