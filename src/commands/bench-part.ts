/** One part of the benchmark in a process of its own, so that its CPU time and memory are nobody else's. Prints its figure as JSON. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../bench/figures.ts'
import { benchLog } from '../bench/logs.ts'
import { measureStages } from '../bench/stages.ts'
import { type Config, loadConfig } from '../config.ts'
import { Random } from '../demo/random.ts'
import { silentEvents } from '../events.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { KafkaSource } from '../kafka/source.ts'
import { epochMs, type RawRecord } from '../log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../normalize/limits.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import type { PartitionRange, ReadyRange } from '../pipeline.ts'
import { PostgresLedger } from '../postgres/ledger.ts'
import { LogStore } from '../postgres/log-store.ts'
import { ruleVerdict } from '../scoring/rule-scorer.ts'
import { databaseOptions } from './database.ts'
import { clusterOptions } from './kafka-cluster.ts'

const BATCH_ROWS = 5_000
const PARTITIONS = 4
const MIB = 1024 * 1024

/** Peak resident memory of a process, in MB; null where /proc is not there. */
export function peakRssMb(pid: number | 'self'): number | null {
  try {
    const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? null : Math.round(Number(kib) / 1024)
  } catch {
    return null
  }
}

async function measured(rows: number, work: () => Promise<void>): Promise<Figure> {
  const before = process.cpuUsage()
  const startedMs = performance.now()
  await work()
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(before)
  return { rowsPerSecond: rows / seconds, cpuSecondsPerMillion: (user + system) / rows, peakRssMb: peakRssMb('self') }
}

export async function runPart(part: string, rows: number, env: NodeJS.ProcessEnv): Promise<number> {
  if (part === 'stages') {
    const logs = 20_000
    process.stdout.write(
      `${JSON.stringify(await measureStages({ logs, rounds: Math.max(1, Math.round(rows / logs)) }))}\n`,
    )
    return 0
  }
  const { config } = loadConfig(env)
  const figure = part === 'sink' ? await sink(config, rows) : await source(config, rows)
  process.stdout.write(`${JSON.stringify(figure)}\n`)
  return 0
}

function ledgerOf(config: Config): PostgresLedger {
  return new PostgresLedger({
    database: databaseOptions(config, 'bench'),
    namespace: config.database.namespace,
    group: config.kafka.groupId,
    owner: 'bench',
  })
}

/** Batches made beforehand, the same ones again and again at later offsets. */
async function sink(config: Config, rows: number): Promise<Figure> {
  const ledger = ledgerOf(config)
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  await ledger.pin({
    topic: 'bench-sink',
    topicKey: '',
    partitions,
    startPolicy: 'earliest',
    startOffsets: async () => new Map(),
  })
  const { claims } = await ledger.claim(partitions)
  const store = new LogStore({
    database: databaseOptions(config, 'bench'),
    namespace: config.database.namespace,
    topic: 'bench-sink',
    pinned: () => ledger.pinned(),
    deadLetterBytesMax: 0,
    decodeHeaders: () => [],
    reserveIds: () => false,
    events: silentEvents(),
    lanes: config.database.poolSize,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    random: Math.random,
    signal: new AbortController().signal,
  })
  await store.open()
  const made = partitions.map((partition) =>
    madeRange(partition, claims.find((claim) => claim.partition === partition)?.epoch ?? 0),
  )
  const commitAll = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += BATCH_ROWS * PARTITIONS) {
      const offset = at / PARTITIONS
      const ranges = made.map((ready) => ({
        ...ready,
        range: { ...ready.range, from: offset, to: offset + BATCH_ROWS },
      }))
      await store.commit({ ranges })
    }
  }
  const whole = Math.ceil(rows / (BATCH_ROWS * PARTITIONS)) * BATCH_ROWS * PARTITIONS
  const warm = BATCH_ROWS * PARTITIONS * 2
  await commitAll(0, warm)
  const figure = await measured(whole, () => commitAll(warm, warm + whole))
  await store.close()
  await ledger.close()
  return figure
}

function madeRange(partition: number, epoch: number): ReadyRange {
  const random = new Random(partition)
  const records: RawRecord[] = Array.from({ length: BATCH_ROWS }, (_, offset) => ({
    offset,
    timestamp: epochMs(Date.UTC(2026, 0, 5)),
    key: null,
    value: benchLog(random, offset),
    headers: null,
  }))
  const range: PartitionRange = {
    partition,
    assignment: 1,
    epoch,
    from: 0,
    to: BATCH_ROWS,
    records,
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
  }
  const { events } = createNormalizer(DEFAULT_NORMALIZE_LIMITS, Date.now)(range)
  return {
    range,
    logs: events.map((event) => ({ event, ...ruleVerdict(event), source: 'rules', explanation: null })),
    rejects: [],
    skips: {},
    snapshot: null,
    alerts: [],
  }
}

/** Everything up to the batches, which are said to be stored at once. */
async function source(config: Config, rows: number): Promise<Figure> {
  const transport = platformaticTransport({ ...clusterOptions(config, 'bench'), requestTimeoutMs: 45_000 })
  const ledger = ledgerOf(config)
  const kafka = new KafkaSource({
    transport,
    ledger,
    events: silentEvents(),
    detector: { restore: ({ nextOffset }) => nextOffset, drop: () => undefined },
    time: {
      clock: () => performance.now(),
      now: Date.now,
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      random: Math.random,
    },
    topic: config.kafka.topic,
    groupId: config.kafka.groupId,
    startPolicy: 'earliest',
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 3_000,
    rebalanceTimeoutMs: 30_000,
    rowsMax: config.limits.batchRowsMax,
    bytesMax: config.limits.batchBytesMax,
    intervalMs: config.limits.batchIntervalMs,
    ageTargetMs: 500,
    bufferBytesMax: 32 * MIB,
    fetchMaxWaitMs: 500,
    fetchBytesMax: 8 * MIB,
    fetchPartitionBytesMax: 2 * MIB,
    plainBytesMax: 64 * MIB,
  })
  const stop = new AbortController()
  const batches = kafka.batches(stop.signal)[Symbol.asyncIterator]()
  let seen = 0
  const take = async (): Promise<void> => {
    const next = await batches.next()
    if (next.done === true) return
    for (const { records } of next.value.ranges) seen += records.length
    kafka.settled(next.value.ranges.map((range) => ({ kind: 'committed', range, refused: [], logIds: null })))
  }
  await take() // from here on it runs
  const before = seen
  const figure = await measured(rows - before, async () => {
    while (seen < rows) await take()
  })
  stop.abort()
  await kafka.close(1_000)
  await transport.close()
  await ledger.close()
  return figure
}
