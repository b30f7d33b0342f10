/** Kafka Connect, one standalone worker, with Debezium's JDBC sink: as it comes, with batch rewrite, with UNNEST. */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bringWith, cache, here, onPath, type Peer, type Place, SESSION_TIMEOUT_MS } from './peer.ts'

const jars = join(cache, 'kafka-connect-4.3.1-debezium-3.5.0')

type Variant = 'default' | 'batch rewrite' | 'UNNEST'

export const kafkaConnect: readonly Peer[] = (['default', 'batch rewrite', 'UNNEST'] as const).map((variant) => ({
  name: `Kafka Connect 4.3.1 + Debezium JDBC 3.5.0, ${variant}`,
  missing: () => {
    if (!onPath('java')) return 'java is not on PATH'
    return existsSync(jars) || onPath('mvn') ? null : 'mvn is not on PATH'
  },
  bring,
  start: (place) => start(place, variant),
}))

async function bring(): Promise<void> {
  if (existsSync(jars)) return
  await mkdir(cache, { recursive: true })
  const partial = `${jars}.${process.pid}`
  const pom = join(here, 'kafka-connect', 'pom.xml')
  await bringWith('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`])
  await rm(jars, { recursive: true, force: true })
  await rename(partial, jars)
}

/** What the topic's JSON holds; Connect needs it told, because plain JSON carries no schema. */
const SCHEMA = {
  type: 'struct',
  fields: [
    { field: 'service', type: 'string' },
    { field: 'level', type: 'string' },
    { field: 'message', type: 'string' },
    { field: 'latency_ms', type: 'int32', optional: true },
    { field: 'userId', type: 'string', optional: true },
    { field: 'timestamp', type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
  ],
}

async function start(place: Place, variant: Variant): Promise<{ command: string; args: string[] }> {
  const { broker, topic, group, database, folder } = place
  const worker = {
    'bootstrap.servers': broker,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'true',
    'value.converter.schema.content': JSON.stringify(SCHEMA),
    'offset.storage.file.filename': join(folder, 'offsets'),
    'plugin.discovery': 'only_scan',
    listeners: 'http://127.0.0.1:0',
    'consumer.auto.offset.reset': 'earliest',
    'consumer.session.timeout.ms': SESSION_TIMEOUT_MS,
    'consumer.max.poll.records': 5_000,
    'connector.client.config.override.policy': 'All',
  }
  const rewrite = variant === 'batch rewrite' ? '&reWriteBatchedInserts=true' : ''
  const sink = {
    name: group,
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    'tasks.max': 2,
    topics: topic,
    'consumer.override.group.id': group,
    'connection.url': `jdbc:postgresql://${database.host}:${database.port}/${database.database}?currentSchema=${database.schema}${rewrite}`,
    'connection.username': database.user,
    'connection.password': database.password,
    'collection.name.format': 'logs',
    'insert.mode': 'insert',
    'primary.key.mode': 'none',
    'schema.evolution': 'none',
    'batch.size': 5_000,
    'dialect.postgres.unnest.insert.enabled': variant === 'UNNEST',
    transforms: 'columns',
    'transforms.columns.type': 'org.apache.kafka.connect.transforms.ReplaceField$Value',
    'transforms.columns.renames': 'userId:user_id,timestamp:created_at',
  }
  const [workerFile, sinkFile] = [join(folder, 'worker.properties'), join(folder, 'sink.properties')]
  await writeFile(workerFile, properties(worker))
  await writeFile(sinkFile, properties(sink))
  const args = [
    '-Xms256m',
    '-Xmx2g',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    `${jars}/*`,
    'org.apache.kafka.connect.cli.ConnectStandalone',
  ]
  return { command: 'java', args: [...args, workerFile, sinkFile] }
}

const properties = (all: Readonly<Record<string, string | number | boolean>>): string =>
  Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
