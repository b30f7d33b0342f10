/**
 * `backtest` and `evaluate` over the table and over a topic: a day of logs with a minute of slow ones, judged by the scorer, stored
 * with its verdicts and sent to a topic as well.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import type { LogEvent, ScoredLog } from '../../src/log.ts'
import { ModelScorer } from '../../src/scoring/model-scorer.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { logStream, STREAM_START_MS } from '../support/log-stream.ts'
import { migratedDatabase, type TestDatabase, withServer } from '../support/postgres.ts'
import { realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'

interface Broker {
  readonly address: string
  close(): Promise<unknown>
}
/** Apache Kafka where it can be had. */
const startBroker = (): Promise<Broker> => (realKafkaMissing() === null ? startRealKafka() : startEmbeddedBroker({}))

const main = resolve(import.meta.dirname, '../../src/main.ts')
const LOGS = 12_000
const STEP_MS = 500
/** Offsets of the slow ones. */
const SLOW = { from: 9_000, to: 9_120 }
const TOPIC = 'backtest'
const THRESHOLD = 0.65
const at = (offset: number): string => new Date(STREAM_START_MS + offset * STEP_MS).toISOString()

/** Whole latencies, since the table keeps no others; two partitions. */
function events(): LogEvent[] {
  return logStream({ seed: 4, logs: LOGS, partitions: 2, stepMs: STEP_MS }).map((event) => {
    const slow = event.service === 'payment' && event.offset >= SLOW.from && event.offset < SLOW.to
    const latencyMs = event.latencyMs === null ? null : Math.round(event.latencyMs * (slow ? 30 : 1))
    // Each partition counts its own offsets.
    return { ...event, offset: event.offset >> 1, latencyMs }
  })
}

describe('logs judged once more', { timeout: 600_000 }, () => {
  const server = withServer()
  let database: TestDatabase
  let broker: Broker
  let folder: string
  let logs: readonly ScoredLog[]
  let env: Record<string, string | undefined>

  before(async () => {
    logs = new ModelScorer({ servicesMax: 2000, threshold: THRESHOLD }).judge(events())
    database = await migratedDatabase(server())
    await store(database, logs)
    broker = await startBroker()
    await produce(broker, logs)
    folder = await scratchFolder('backtest')
    const { host, port, user, password, database: name } = database.options
    env = {
      ...process.env,
      DATABASE_URL: undefined,
      DB_HOST: host,
      DB_PORT: String(port),
      DB_USER: user,
      DB_NAME: name,
      DB_PASSWORD: password,
      KAFKA_BROKER: broker.address,
      KAFKA_TOPIC: TOPIC,
    }
  })
  after(async () => {
    await broker.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = new Promise<number>((done) => child.on('close', (code) => done(code ?? -1)))
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    return { code, stdout, stderr }
  }

  async function backtest(...args: string[]) {
    const { stdout, stderr, code } = await run('backtest', '--json', ...args)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  const flaggedAt = (threshold: number): number =>
    logs.filter(({ score, source, isAnomaly }) => (source === 'model' ? score >= threshold : isAnomaly)).length

  test('with the settings they were stored with, nothing changes', async () => {
    const found = await backtest('--table')
    assert.equal(found.logs, LOGS)
    assert.ok(found.before.flagged > 20, `${found.before.flagged} flagged`)
    assert.equal(found.before.flagged, flaggedAt(THRESHOLD))
    assert.deepEqual([found.newly_flagged, found.no_longer_flagged], [0, 0])
    assert.deepEqual(found.after, found.before)
  })

  test('a higher threshold flags fewer, says which, and the rate and precision that follow', async () => {
    const labels = join(folder, 'times.csv')
    await writeFile(labels, `service,from,to,type\npayment,${at(SLOW.from)},${at(SLOW.to)},slow\n`)
    const found = await backtest('--table', '--threshold', '0.75', '--labels', labels)
    const gone = found.before.flagged - found.after.flagged
    assert.ok(gone > 0, 'nothing changed')
    assert.deepEqual([found.newly_flagged, found.no_longer_flagged], [0, gone])
    assert.equal(found.after.rate, found.after.flagged / LOGS)
    assert.equal(
      found.services.reduce((sum: number, each: { no_longer_flagged: number }) => sum + each.no_longer_flagged, 0),
      gone,
    )
    const [example] = found.examples.no_longer_flagged
    assert.ok(example.score_before >= THRESHOLD && example.score_after < 0.75)
    const truth = (log: ScoredLog): boolean =>
      log.event.service === 'payment' &&
      log.event.createdAt >= Date.parse(at(SLOW.from)) &&
      log.event.createdAt <= Date.parse(at(SLOW.to))
    const flagged = logs.filter(({ isAnomaly }) => isAnomaly)
    assert.equal(found.before.labelled.precision, flagged.filter(truth).length / flagged.length)
    assert.equal(found.before.labelled.recall, flagged.filter(truth).length / logs.filter(truth).length)
  })

  test('the topic gives the same logs, hence the same verdicts, by settings against settings', async () => {
    const found = await backtest('--topic', '--threshold', '0.75')
    const table = await backtest('--table', '--threshold', '0.75', '--against', 'settings')
    assert.equal(found.logs, LOGS)
    assert.deepEqual(found.before, table.before)
    assert.deepEqual(found.after, table.after)
  })

  test('a budget is that of the whole topic, whatever its partitions', async () => {
    const budget = ['--set', 'ANOMALY_BUDGET_PER_DAY=100']
    const [table, topic] = [await backtest('--table', ...budget), await backtest('--topic', ...budget)]
    const fair = (100 * (LOGS * STEP_MS)) / 86_400_000
    for (const { after } of [table, topic]) {
      // Two partitions that took the whole budget each would flag 44 of these logs.
      assert.ok(after.flagged <= fair + 25, `${after.flagged} flagged, ${fair} are the budget's`)
      assert.ok(after.flagged > 0)
    }
    assert.equal(topic.after.flagged, table.after.flagged)
  })

  test('logs before --since only teach, and offsets choose a stretch of the topic', async () => {
    const since = await backtest('--table', '--since', at(LOGS / 2), '--until', at(LOGS - 100))
    assert.deepEqual([since.logs, since.learned_from], [LOGS / 2 - 100, LOGS / 2])
    assert.deepEqual([since.newly_flagged, since.no_longer_flagged], [0, 0])
    const cold = await backtest('--table', '--since', at(LOGS / 2), '--learn-hours', '0')
    assert.deepEqual([cold.logs, cold.learned_from], [LOGS / 2, 0])
    const topic = await backtest('--topic', '--since', at(LOGS / 2), '--learn-hours', '0')
    assert.equal(topic.logs, LOGS / 2)
    const stretch = await backtest('--topic', TOPIC, '--offsets', '1:100-2600')
    assert.equal(stretch.logs, 2500)
  })

  test('evaluate measures them with labels by position and by time', async () => {
    const times = join(folder, 'times.csv')
    await writeFile(times, `service,from,to\npayment,${at(SLOW.from)},${at(SLOW.to - 1)}\n`)
    const positions = join(folder, 'positions.csv')
    const slow = logs.filter(
      ({ event }) =>
        event.service === 'payment' &&
        event.createdAt >= Date.parse(at(SLOW.from)) &&
        event.createdAt <= Date.parse(at(SLOW.to - 1)),
    )
    const lines = slow.map(({ event }) => `${event.partition},${event.offset},1`)
    await writeFile(positions, `partition,offset,label\n${lines.join('\n')}\n`)
    const measure = async (...args: string[]) => {
      const { stdout, stderr, code } = await run('evaluate', '--json', ...args)
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout).sets[0]
    }
    const [byTime, byPosition] = [
      await measure('--table', '--labels', times),
      await measure('--topic', '--labels', positions),
    ]
    assert.equal(byTime.positives, slow.length)
    assert.equal(byTime.incidents_detected, 1)
    assert.ok(byTime.auc > 0.9, `AUC ${byTime.auc}`)
    for (const figure of ['positives', 'logs', 'ap', 'auc', 'f1', 'fpr', 'false_episodes_per_service_day']) {
      assert.equal(byPosition[figure], byTime[figure], figure)
    }
  })

  test('what cannot be done is refused with the reason', async () => {
    const refused = async (reason: RegExp, ...args: string[]): Promise<void> => {
      const { code, stderr } = await run(...args)
      assert.notEqual(code, 0)
      assert.match(stderr, reason)
    }
    await refused(/either --table or --topic/, 'backtest')
    await refused(/a topic holds no scores/, 'backtest', '--topic', '--against', 'stored')
    await refused(/expected NAME=VALUE/, 'backtest', '--table', '--set', 'threshold')
    await refused(/ANOMALY_THRESHOLD="2"/, 'backtest', '--table', '--threshold', '2')
    await refused(/there is no topic nowhere/, 'backtest', '--topic', 'nowhere')
    await refused(/expected --labels/, 'evaluate', '--table')
    const labels = join(folder, 'bad.csv')
    await writeFile(labels, 'partition,offset,label\n0,1,1\n0,x,1\n')
    await refused(/label 2, after the line of names/, 'evaluate', '--table', '--labels', labels)
  })
})

async function store({ client }: TestDatabase, logs: readonly ScoredLog[]): Promise<void> {
  const { rows } = await client.query(
    `insert into ingest_topic (namespace, topic, incarnation, topic_key, pinned_partitions, start_policy)
     values ('default', $1, 1, '', 2, 'earliest'), ('default', 'other', 1, '', 2, 'earliest') returning id`,
    [TOPIC],
  )
  const insert = `
    insert into logs (service, level, message, latency_ms, anomaly_score, is_anomaly, created_at, ingest_topic_id, kafka_partition, kafka_offset, item, score_source)
    select * from json_to_recordset($1) as r(service text, level text, message text, latency_ms int, anomaly_score float8,
           is_anomaly bool, created_at timestamptz, ingest_topic_id int, kafka_partition int, kafka_offset bigint, item int, score_source text)`
  const row = ({ event, score, isAnomaly, source }: ScoredLog, topicId: number) => ({
    service: event.service,
    level: event.level,
    message: event.message,
    latency_ms: event.latencyMs,
    anomaly_score: score,
    is_anomaly: isAnomaly,
    created_at: new Date(event.createdAt).toISOString(),
    ingest_topic_id: topicId,
    kafka_partition: event.partition,
    kafka_offset: event.offset,
    item: event.item,
    score_source: source,
  })
  // Rows of another topic must not get in between.
  const strange = logs.slice(0, 50).map((log) => row(log, rows[1].id))
  await client.query(insert, [JSON.stringify([...logs.map((log) => row(log, rows[0].id)).reverse(), ...strange])])
}

async function produce(broker: Broker, logs: readonly ScoredLog[]): Promise<void> {
  const producer = await openProducer({ brokers: [broker.address], clientId: 'backtest' })
  try {
    await producer.createTopic(TOPIC, 2)
    for (const partition of [0, 1]) {
      const own = logs.filter(({ event }) => event.partition === partition)
      const messages = own.map(({ event }) => ({ timestamp: event.createdAt, value: messageOf(event) }))
      await producer.sendTo(TOPIC, partition, messages)
    }
  } finally {
    await producer.close()
  }
}

function messageOf({ service, level, message, latencyMs, createdAt }: LogEvent): Buffer {
  const timestamp = new Date(createdAt).toISOString()
  return Buffer.from(JSON.stringify({ service, level, message, latency_ms: latencyMs, timestamp }))
}
