/**
 * Every metric, by name. Labels come from closed sets (reason, source, outcome, state, step, partition): a message can never
 * make a new series. Series of a partition go when the partition goes.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { BulkHistogram } from './bulk-histogram.ts'
import { remoteMetrics } from './remote-metrics.ts'
import { SELDOM } from './sampling.ts'

/** Seconds: 1 ms to 10 minutes. */
const AGE_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
]
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(version: string) {
  const register = new Registry()
  const registers = [register]
  const ageAtCommit = new BulkHistogram({
    name: 'insighthub_age_at_commit_seconds',
    help: "Age of a log when its row was committed: now minus its Kafka record's timestamp",
    bounds: AGE_BOUNDS,
  })
  collectDefaultMetrics({ register, ...SELDOM })
  new Gauge({
    name: 'insighthub_build_info',
    help: 'Version of the processor; always 1',
    labelNames: ['version'],
    registers,
  })
    .labels({ version })
    .set(1)
  return {
    register,
    ageAtCommit,
    batchDuration: new Histogram({
      name: 'insighthub_batch_duration_seconds',
      help: 'From the fetched batch to its committed transaction',
      buckets: DURATION_BOUNDS,
      registers,
    }),
    consoleWritesLost: new Counter({
      name: 'insighthub_console_writes_lost_total',
      help: 'Writes to standard output or error that failed, because nobody reads them any more or the disk is full',
      registers,
    }),
    ...storeMetrics(registers),
    ...scoreMetrics(registers),
    ...kafkaMetrics(registers),
    remote: remoteMetrics(registers),
    text: async () => (await register.metrics()).trimEnd().concat('\n', ageAtCommit.text()),
  }
}

function storeMetrics(registers: Registry[]) {
  const counter = (name: string, help: string) => new Counter({ name: `insighthub_${name}_total`, help, registers })
  const by = <T extends string>(name: string, label: T, help: string) =>
    new Counter({ name: `insighthub_${name}_total`, help, labelNames: [label], registers })
  return {
    logsStored: counter('logs_stored', 'Rows committed to the table logs'),
    anomalies: counter('anomalies', 'Rows committed with is_anomaly'),
    muted: counter('muted', 'Rows that a mute kept from being stored as anomalies'),
    scores: by('scores', 'source', 'Rows committed, by who judged them'),
    deadLetters: by('dead_letters', 'reason', 'Records or items committed as dead letters, by reason'),
    deadLettersPurged: by(
      'dead_letters_purged',
      'limit',
      'Dead letters that retention deleted, by the limit they were beyond',
    ),
    deadLetterShare: new Gauge({
      name: 'insighthub_dead_letter_share',
      help: 'Share of what was committed within the last minute that is dead letters, 0 to 1',
      registers,
    }),
    deadLetterFlood: new Gauge({
      name: 'insighthub_dead_letter_flood',
      help: '1 while most of what comes is dead letters (half of the last minute, at least 100): to be alerted on',
      registers,
    }),
    skipped: by('skipped', 'reason', 'Records left out by policy, by reason'),
    batches: by('batches', 'outcome', "Ranges of a partition sent to the database, by the ledger's answer"),
    fenced: counter('fenced', 'Commits refused because another owner holds the partition'),
    rewound: counter('rewound', 'Times the database stood before what was already committed: a restore or a failover'),
    poisonRows: counter('poison_rows', 'Rows that PostgreSQL refused for their content'),
    flushRetries: counter('flush_retries', 'Transactions tried again'),
    serviceAlerts: new Counter({
      name: 'insighthub_service_alerts_total',
      help: 'Alerts on services committed to service_alerts, by kind, when they opened and when they closed; without muted ones',
      labelNames: ['kind', 'change'],
      registers,
    }),
    mutedAlerts: by('muted_service_alerts', 'kind', 'Alerts on services that opened while a mute named the service'),
    snapshotsRefused: counter('snapshots_refused', 'Detector snapshots that could not be used'),
    postgresErrors: by('postgres_errors', 'reason', 'Failures of the database, by kind'),
    storeState: new Gauge({
      name: 'insighthub_store_state',
      help: '1 for the state that the database is in: connected, unavailable or refused',
      labelNames: ['state'],
      registers,
    }),
  }
}

/** Over the last whole window: at least a minute and 2,000 logs. */
function scoreMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ name: `insighthub_${name}`, help, registers })
  return {
    scoreQuantile: new Gauge({
      name: 'insighthub_score_quantile',
      help: 'Scores of the last minutes of logs, by quantile',
      labelNames: ['quantile'],
      registers,
    }),
    scoreState: new Gauge({
      name: 'insighthub_score_state',
      help: '1 for what the scores of the last minutes are: discriminating, constant, all_high, all_low or unknown',
      labelNames: ['state'],
      registers,
    }),
    scoreDrift: gauge(
      'score_drift',
      'Population stability index of the last scores against earlier ones; above 0.25 they have changed',
    ),
    anomalyShare: gauge('anomaly_share', 'Share of the last minutes of logs stored as anomalies'),
    fallbackShare: gauge('fallback_share', 'Share of the last minutes of logs not judged by the best judge there is'),
    services: gauge('services', 'Services that the detectors keep a model of'),
    warmServices: gauge('services_warm', 'Services with logs enough for the model to judge them'),
    overflowLogs: gauge(
      'services_overflow_logs',
      'Logs judged together because there were SERVICES_MAX services already, since the beginning of the partitions held',
    ),
    templates: gauge('templates', 'Kinds of messages known, over all services'),
    forgottenTemplates: gauge(
      'templates_forgotten',
      'Kinds of messages that made room for new ones of their service, since the partitions held were taken',
    ),
  }
}

function kafkaMetrics(registers: Registry[]) {
  const counter = (name: string, help: string) => new Counter({ name: `insighthub_${name}_total`, help, registers })
  const gauge = (name: string, help: string) => new Gauge({ name: `insighthub_${name}`, help, registers })
  const perPartition = (name: string, help: string) =>
    new Gauge({ name: `insighthub_${name}`, help, labelNames: ['partition'], registers })
  return {
    kafkaConnected: gauge('kafka_connected', '1 while Kafka answers'),
    kafkaErrors: new Counter({
      name: 'insighthub_kafka_errors_total',
      help: 'Failures of Kafka, by kind',
      labelNames: ['reason'],
      registers,
    }),
    recordsFetched: counter('records_fetched', 'Records received from Kafka, those read again included'),
    bytesFetched: counter('bytes_fetched', 'Bytes of the records received from Kafka'),
    fetchPauses: counter('fetch_pauses', 'Times fetching waited because the buffer was full'),
    bufferedBytes: gauge('buffered_bytes', 'Bytes fetched and not yet committed'),
    lagRecords: perPartition('lag_records', 'Records in the topic that are not yet in the database'),
    lagSeconds: perPartition('lag_seconds', 'Age of the oldest record that is not yet in the database'),
    partitionSuspended: perPartition(
      'partition_suspended',
      '1 while a partition is not read, its log being another one than was read before: to be alerted on',
    ),
    generation: gauge('group_generation', 'Generation of the consumer group that this member is in'),
    assigned: gauge('assigned_partitions', 'Partitions assigned to this member'),
    rebalances: counter('rebalances', 'Times this member joined a generation of the group'),
    gaps: counter('gaps', 'Ranges of offsets lost before anyone could read them'),
    gapOffsets: counter('gap_offsets', 'Offsets lost before anyone could read them'),
    clientSkips: counter('client_skips', 'Times a fetch skipped offsets and was repeated'),
    staleDeliveries: counter('stale_deliveries', 'Deliveries of an assignment that had ended, ignored'),
    corruptBatches: counter('corrupt_batches', 'Record batches that failed their checksum or format'),
    commitHintFailures: counter(
      'commit_hint_failures',
      'Committed offsets, a hint for lag tools, that Kafka did not take',
    ),
    watchdog: new Counter({
      name: 'insighthub_watchdog_total',
      help: 'Steps taken because a partition made no progress',
      labelNames: ['step'],
      registers,
    }),
  }
}
