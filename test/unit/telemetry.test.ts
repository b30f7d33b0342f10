import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProcessorError } from '../../src/errors.ts'
import { epochMs, type Reject, type ScoredLog } from '../../src/log.ts'
import type { CommitOutcome, PartitionRange, ReadyBatch } from '../../src/pipeline.ts'
import type { ServiceAlert } from '../../src/service-alert.ts'
import { metricsPage } from '../../src/telemetry/metrics-page.ts'
import { createTelemetry, type Telemetry } from '../../src/telemetry.ts'

const NOW_MS = 1_764_700_000_000

interface World {
  readonly telemetry: Telemetry
  readonly lines: string[]
  advance(ms: number): void
}

function world(format: 'text' | 'json' = 'text'): World {
  const lines: string[] = []
  let nowMs = 50_000
  const telemetry = createTelemetry({
    format,
    logsPerSecondMax: 20,
    write: (text) => lines.push(...text.split('\n').slice(0, -1)),
    clock: () => nowMs,
    now: () => NOW_MS,
    version: '1.2.3',
  })
  return {
    telemetry,
    lines,
    advance: (ms) => {
      nowMs += ms
    },
  }
}

function log(offset: number, over: Partial<ScoredLog> = {}, service = 'auth-service'): ScoredLog {
  return {
    event: {
      partition: 0,
      offset,
      item: 0,
      service,
      level: 'INFO',
      message: 'the secret text of the message',
      latencyMs: null,
      createdAt: epochMs(NOW_MS),
      recordTimestamp: epochMs(NOW_MS - 40),
      userId: null,
      metadata: null,
    },
    score: 0.1,
    isAnomaly: false,
    source: 'model',
    explanation: null,
    ...over,
  }
}

function reject(offset: number, reason: Reject['reason']): Reject {
  const record = { offset, timestamp: epochMs(NOW_MS), key: null, value: null, headers: null }
  const item = reason === 'refused_by_database' ? 0 : -1
  return { partition: 0, offset, item, reason, detail: 'no', service: null, sqlstate: null, record }
}

type Committed = Extract<CommitOutcome, { kind: 'committed' }>

function commit(
  telemetry: Telemetry,
  logs: readonly ScoredLog[],
  over: {
    alerts?: readonly ServiceAlert[]
    firstId?: number
    rejects?: readonly Reject[]
    refused?: readonly Reject[]
    kind?: 'fenced' | 'duplicate'
  } = {},
): void {
  const range: PartitionRange = {
    partition: 0,
    assignment: 1,
    epoch: 1,
    from: 0,
    to: logs.length,
    records: [],
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
  }
  const batch: ReadyBatch = {
    lane: 0,
    ranges: [
      { range, logs, rejects: over.rejects ?? [], skips: { tombstone: 2 }, snapshot: null, alerts: over.alerts ?? [] },
    ],
  }
  const { firstId } = over
  const logIds = firstId === undefined ? null : logs.map((_, at) => firstId + at)
  const committed: Committed = { kind: 'committed', range, refused: over.refused ?? [], logIds }
  const outcome: CommitOutcome = over.kind === undefined ? committed : { kind: over.kind, range }
  telemetry.batchFinished({ batch, outcomes: [outcome], durationMs: 12 })
}

const many = (count: number): ScoredLog[] => Array.from({ length: count }, (_, at) => log(at))

async function metric(telemetry: Telemetry, series: string): Promise<string | undefined> {
  const lines = (await telemetry.metricsText()).split('\n')
  return lines.find((line) => line.startsWith(`${series} `))?.slice(series.length + 1)
}

test("the seed's lines, to the letter", () => {
  const { telemetry, lines } = world()
  telemetry.kafkaConnected()
  telemetry.topicSubscribed('logs')
  telemetry.postgresConnected()
  telemetry.started()
  commit(
    telemetry,
    [
      {
        ...log(0, { score: 0.85, isAnomaly: true }),
        event: { ...log(0).event, service: 'payment-service', level: 'ERROR' },
      },
      log(1),
    ],
    { firstId: 42 },
  )
  assert.deepEqual(lines, [
    '✓ Connected to Kafka',
    '✓ Subscribed to "logs" topic',
    '✓ Connected to PostgreSQL',
    '🚀 Processor service started and ready',
    '  ML Engine: Combined method, score: 0.85',
    '🚨 ANOMALY Processed log #42: payment-service [ERROR] (score: 0.85)',
    '✓ Processed log #43: auth-service [INFO]',
  ])
})

test('connections to PostgreSQL are announced once an outage', () => {
  const { telemetry, lines } = world()
  telemetry.postgresConnected()
  telemetry.postgresConnected()
  telemetry.postgresUnavailable({ error: new Error('gone'), retryInMs: 500 })
  assert.equal(telemetry.state().postgres, 'unavailable')
  telemetry.postgresConnected()
  assert.deepEqual(lines, [
    '✓ Connected to PostgreSQL',
    '✗ PostgreSQL: gone; trying again in 0.5 s',
    '✓ Connected to PostgreSQL',
  ])
})

test('a database that refuses is told as such, whoever notices it', () => {
  const { telemetry, lines } = world()
  const error = new ProcessorError('POSTGRES_CONFIGURATION', 'password authentication failed')
  telemetry.postgresUnavailable({ error, retryInMs: 1000 })
  assert.deepEqual([telemetry.state().postgres, telemetry.state().postgresError], ['refused', error.message])
  assert.deepEqual(lines, ['✗ PostgreSQL refuses: password authentication failed; trying again in 1.0 s'])
})

test('above the rate one summary a second replaces the lines of logs, and ids are not reserved', () => {
  const { telemetry, lines, advance } = world()
  telemetry.postgresConnected()
  lines.length = 0
  commit(telemetry, many(20), { firstId: 1 })
  assert.equal(lines.length, 20)
  assert.equal(telemetry.reserveIds(), true)
  commit(telemetry, many(480), { firstId: 21 })
  assert.equal(telemetry.reserveIds(), false)
  advance(500)
  commit(telemetry, many(500))
  assert.equal(lines.length, 20)
  advance(500)
  telemetry.lag([{ partition: 0, nextOffset: 10, endOffset: 17, lagSeconds: 1, suspended: null }])
  assert.deepEqual(lines.slice(20), ['✓ Processed 980 logs/s, anomalies: 0, dead letters: 0, lag: 7'])
  advance(501)
  assert.equal(telemetry.reserveIds(), true)
  commit(telemetry, many(1), { firstId: 9000 })
  assert.equal(lines.at(-1), '✓ Processed log #9000: auth-service [INFO]')
})

test('what the last second held is told at the stop', () => {
  const { telemetry, lines } = world()
  commit(telemetry, many(50), { firstId: 1 })
  assert.deepEqual(lines, ['✓ Connected to PostgreSQL'])
  telemetry.stopped()
  assert.deepEqual(lines.slice(-2), [
    '✓ Processed 50 logs/s, anomalies: 0, dead letters: 0, lag: 0',
    '✓ Processor service stopped',
  ])
})

test('repeated errors are one line per kind per 10 s, with their number', () => {
  const { telemetry, lines, advance } = world()
  const fail = (): void => telemetry.kafkaUnavailable({ error: new Error('no broker'), retryInMs: 1000 })
  for (let time = 0; time < 5; time++) fail()
  telemetry.postgresUnavailable({ error: new Error('gone'), retryInMs: 1000 })
  assert.deepEqual(lines, ['✗ Kafka: no broker; trying again in 1.0 s', '✗ PostgreSQL: gone; trying again in 1.0 s'])
  advance(9_999)
  fail()
  assert.equal(lines.length, 2)
  advance(1)
  fail()
  assert.equal(lines.at(-1), '✗ Kafka: no broker; trying again in 1.0 s (6 times)')
})

test('what was held back of an outage is said before its end, and the join says what it waits for', () => {
  const { telemetry, lines, advance } = world()
  telemetry.kafkaConnected()
  telemetry.topicMissing({ topic: 'logs', retryInMs: 500 })
  telemetry.topicMissing({ topic: 'logs', retryInMs: 1500 })
  assert.equal(telemetry.state().joinWaitsFor, 'Topic "logs" does not exist')
  telemetry.topicSubscribed('logs')
  telemetry.groupJoined({ generation: 1, memberId: 'm', partitions: [0] })
  const expected = [
    '✓ Connected to Kafka',
    '⚠ Topic "logs" does not exist; trying again in 0.5 s',
    '⚠ Topic "logs" does not exist; trying again in 1.5 s',
    '✓ Subscribed to "logs" topic',
    'Joined the group, generation 1: partitions 0',
  ]
  assert.deepEqual(lines, expected)
  telemetry.lag([])
  assert.deepEqual(lines, expected, 'and not again')
  assert.equal(telemetry.state().joinWaitsFor, null)
  advance(10_000)
  telemetry.topicMissing({ topic: 'logs', retryInMs: null })
  assert.match(lines.at(-1) ?? '', /^⚠ Topic "logs" does not exist any more; it is looked for until it does/)
  assert.equal(telemetry.state().joinWaitsFor, null, 'the group is joined')
})

test("a new Kafka's first seconds without a coordinator are no outage; more than that is one, and so is anything else", async () => {
  const { telemetry, lines, advance } = world()
  const away = new ProcessorError('KAFKA_NO_COORDINATOR', 'no coordinator for group g: COORDINATOR_NOT_AVAILABLE (15)')
  const none = (): void => telemetry.kafkaUnavailable({ error: away, retryInMs: 250 })
  const sentence = 'Kafka: no coordinator for group g: COORDINATOR_NOT_AVAILABLE (15); trying again in 0.3 s'
  telemetry.kafkaConnected()
  none()
  assert.deepEqual(lines, ['✓ Connected to Kafka', `⚠ ${sentence}`])
  assert.equal(telemetry.state().kafka, 'connected')
  telemetry.kafkaUnavailable({ error: new ProcessorError('KAFKA_UNAVAILABLE', 'refused'), retryInMs: 250 })
  assert.equal(lines.at(-1), '✗ Kafka: refused; trying again in 0.3 s')
  assert.equal(telemetry.state().kafka, 'unavailable')
  telemetry.groupJoined({ generation: 1, memberId: 'm', partitions: [0] })

  advance(60_000)
  none()
  assert.equal(lines.at(-1), `⚠ ${sentence}`, 'patience begins anew once the group was joined')
  advance(14_999)
  none()
  assert.equal(lines.at(-1), `⚠ ${sentence}`)
  assert.equal(await metric(telemetry, 'insighthub_kafka_errors_total{reason="no_coordinator"}'), '3')
  advance(1)
  none()
  assert.equal(lines.at(-1), `✗ ${sentence}`)
  assert.equal(telemetry.state().kafkaError, away.message)
  assert.equal(await metric(telemetry, 'insighthub_kafka_errors_total{reason="unavailable"}'), '2')
})

test('a flood of dead letters is one line a reason, and every one is counted', async () => {
  const { telemetry, lines } = world()
  const rejects = Array.from({ length: 1000 }, (_, offset) => reject(offset, 'bad_json'))
  commit(telemetry, [], { firstId: 1, rejects: [...rejects, reject(1000, 'binary')] })
  assert.deepEqual(
    lines.filter((line) => line.startsWith('⚠')),
    [
      '⚠ Dead letter: partition 0, offset 0: bad_json',
      '⚠ Dead letter: partition 0, offset 1000: binary',
      '⚠ A flood of dead letters: 100 % of the last minute; see dead-letters groups',
    ],
  )
  assert.equal(await metric(telemetry, 'insighthub_dead_letters_total{reason="bad_json"}'), '1000')
  assert.equal(await metric(telemetry, 'insighthub_skipped_total{reason="tombstone"}'), '2')
})

test('the series of a partition go when it is revoked, and late news of it is dropped', async () => {
  const { telemetry } = world()
  const lag = (partition: number) => ({
    partition,
    nextOffset: 5,
    endOffset: 9,
    lagSeconds: 3,
    suspended: partition === 1 ? 'Partition 1 ends at 9' : null,
  })
  telemetry.groupJoined({ generation: 7, memberId: 'm', partitions: [0, 1] })
  telemetry.lag([lag(0), lag(1)])
  assert.equal(await metric(telemetry, 'insighthub_lag_records{partition="1"}'), '4')
  assert.equal(await metric(telemetry, 'insighthub_partition_suspended{partition="0"}'), '0')
  assert.equal(await metric(telemetry, 'insighthub_partition_suspended{partition="1"}'), '1')
  telemetry.partitionsRevoked({ partitions: [1], how: 'revoked' })
  telemetry.lag([lag(0), lag(1)])
  assert.equal(await metric(telemetry, 'insighthub_lag_records{partition="1"}'), undefined)
  assert.equal(await metric(telemetry, 'insighthub_partition_suspended{partition="1"}'), undefined)
  assert.equal(await metric(telemetry, 'insighthub_lag_seconds{partition="1"}'), undefined)
  assert.equal(await metric(telemetry, 'insighthub_lag_seconds{partition="0"}'), '3')
  assert.equal(await metric(telemetry, 'insighthub_assigned_partitions'), '1')
  telemetry.partitionsClaimed([{ partition: 1, epoch: 2, nextOffset: 5 }])
  telemetry.lag([lag(1)])
  assert.equal(await metric(telemetry, 'insighthub_lag_records{partition="1"}'), '4')
})

test("rows are counted once: refused ones are dead letters, fenced ones are nobody's", async () => {
  const { telemetry, lines } = world()
  commit(telemetry, [log(0), log(1, { source: 'rules' }), log(2)], {
    firstId: 10,
    refused: [reject(2, 'refused_by_database')],
  })
  commit(telemetry, many(5), { kind: 'fenced' })
  commit(telemetry, many(4), { kind: 'duplicate' })
  assert.equal(await metric(telemetry, 'insighthub_logs_stored_total'), '6')
  assert.equal(await metric(telemetry, 'insighthub_scores_total{source="model"}'), '5')
  assert.equal(await metric(telemetry, 'insighthub_scores_total{source="rules"}'), '1')
  assert.equal(await metric(telemetry, 'insighthub_dead_letters_total{reason="refused_by_database"}'), '1')
  assert.equal(await metric(telemetry, 'insighthub_batches_total{outcome="fenced"}'), '1')
  assert.equal(
    lines.some((line) => line.includes('#12')),
    false,
  )
  assert.equal(telemetry.state().logsStored, 6)
})

test('the age at commit falls into its buckets, and logs without a record time are left out', async () => {
  const { telemetry } = world()
  const unknown = { ...log(1), event: { ...log(1).event, recordTimestamp: null } }
  const ancient = { ...log(2), event: { ...log(2).event, recordTimestamp: epochMs(NOW_MS - 3_600_000) } }
  commit(telemetry, [log(0), unknown, ancient])
  const name = 'insighthub_age_at_commit_seconds'
  assert.equal(await metric(telemetry, `${name}_bucket{le="0.025"}`), '0')
  assert.equal(await metric(telemetry, `${name}_bucket{le="0.05"}`), '1')
  assert.equal(await metric(telemetry, `${name}_bucket{le="600"}`), '1')
  assert.equal(await metric(telemetry, `${name}_bucket{le="+Inf"}`), '2')
  assert.equal(await metric(telemetry, `${name}_count`), '2')
  assert.equal(await metric(telemetry, 'insighthub_batch_duration_seconds_count'), '1')
})

test('names from messages lose controls, colours and direction marks, and no text of a message is printed', () => {
  for (const format of ['text', 'json'] as const) {
    const { telemetry, lines } = world(format)
    commit(telemetry, [log(0, {}, 'a\u001b[31m\nb\u202e\u200b\u2028c')], { firstId: 7 })
    const said = lines.join('\n')
    assert.match(said, /Processed log #7: a\[31mbc \[INFO\]/)
    assert.doesNotMatch(said, /secret|\\u001b|\u202e/)
  }
})

test('errors are said without the credentials of an address', () => {
  const { telemetry, lines } = world()
  telemetry.postgresRefused({ error: new Error('bad postgres://me:hunter2@db:5432/x'), retryInMs: 1 })
  assert.equal(lines[0], '✗ PostgreSQL refuses: bad postgres://***@db:5432/x; trying again in 0.0 s')
  assert.equal(telemetry.state().postgres, 'refused')
})

test('for machines every line is a JSON object with an event', () => {
  const { telemetry, lines } = world('json')
  telemetry.kafkaConnected()
  commit(telemetry, [log(0)], { firstId: 43 })
  const [first, , last] = lines.map((line): unknown => JSON.parse(line))
  const base = { level: 'info', time: NOW_MS, name: 'insighthub-processor', version: '1.2.3' }
  assert.deepEqual(first, { ...base, event: 'kafka_connected', msg: 'Connected to Kafka' })
  assert.deepEqual(last, {
    ...base,
    event: 'log_processed',
    log_id: 43,
    service: 'auth-service',
    score: 0.1,
    source: 'model',
    msg: 'Processed log #43: auth-service [INFO]',
    log_level: 'INFO',
  })
})

test('for machines a line that was held back keeps its level', () => {
  const { telemetry, lines, advance } = world('json')
  const fail = (): void => telemetry.kafkaUnavailable({ error: new Error('no broker'), retryInMs: 1000 })
  fail()
  fail()
  advance(10_000)
  telemetry.lag([])
  assert.match(lines[1] ?? '', /^\{"level":"error".*"event":"kafka_unavailable"/)
})

test('no label carries a service, and every metric has a line on the page', async () => {
  const { telemetry } = world()
  commit(telemetry, [log(0, {}, 'unmistakable')])
  const text = await telemetry.metricsText()
  assert.doesNotMatch(text, /unmistakable/)
  const page = metricsPage()
  for (const [, name] of text.matchAll(/^# TYPE (insighthub_\w+) /gm)) assert.match(page, new RegExp(`\`${name}\``))
  assert.match(page, /\| `insighthub_age_at_commit_seconds` \| histogram \|/)
})

test('a service alert is said and counted when it opens and when it closes', async () => {
  const { telemetry, lines } = world()
  const opened: ServiceAlert = {
    partition: 0,
    service: 'pay\nment',
    kind: 'silence',
    sinceMs: epochMs(0),
    untilMs: null,
    raisedAtMs: epochMs(30_000),
    observed: 0,
    expected: 41.4999,
    explanation: '{}',
  }
  commit(telemetry, [log(0)], { alerts: [opened] })
  commit(telemetry, [log(1)], { alerts: [{ ...opened, untilMs: epochMs(90_000) }] })
  const said = lines.filter((line) => line.includes('Service alert'))
  assert.deepEqual(said, [
    '⚠ Service alert: payment fell silent: 0 logs a minute, usually 41.5',
    '⚠ Service alert closed: payment fell silent no longer',
  ])
  assert.equal(await metric(telemetry, 'insighthub_service_alerts_total{kind="silence",change="opened"}'), '1')
  assert.equal(await metric(telemetry, 'insighthub_service_alerts_total{kind="silence",change="closed"}'), '1')
  const muted = { ...opened, explanation: '{"muted":3,"why":"no logs"}' }
  commit(telemetry, [log(2)], { alerts: [muted] })
  commit(telemetry, [log(3)], { alerts: [{ ...muted, untilMs: epochMs(90_000) }] })
  assert.equal(lines.filter((line) => line.includes('Service alert')).length, 2, 'of a muted one nothing is said')
  assert.equal(await metric(telemetry, 'insighthub_service_alerts_total{kind="silence",change="opened"}'), '1')
  assert.equal(await metric(telemetry, 'insighthub_muted_service_alerts_total{kind="silence"}'), '1')
})
