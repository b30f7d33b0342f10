/**
 * The store alone: batches made beforehand, the same ones again and again at later offsets and times: rows of one time again and again
 * would go into the middle of the indexes, those of a stream go to their end. And what each of its promises costs, found by
 * leaving one out: by cutting its statement out of the transaction, or its content out of the batch. The product has no such switches.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { COSTS, type Cost, type Costs, withoutStatement } from '../bench/costs.ts'
import { type Figure, medianFigure } from '../bench/figures.ts'
import { benchLog } from '../bench/logs.ts'
import { measured } from '../bench/measured.ts'
import type { PartOptions } from '../bench/part-options.ts'
import type { Config } from '../config.ts'
import { Random } from '../demo/random.ts'
import { silentEvents } from '../events.ts'
import type { StartOffset } from '../ledger.ts'
import { epochMs, type LogEvent, type RawRecord } from '../log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../normalize/limits.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import type { PartitionRange, ReadyRange } from '../pipeline.ts'
import { PostgresLedger } from '../postgres/ledger.ts'
import { LogStore } from '../postgres/log-store.ts'
import { type OpenSession, sessionsOf } from '../postgres/session.ts'
import { ModelScorer } from '../scoring/model-scorer.ts'
import { databaseOptions } from './database.ts'

const BATCH_ROWS = 5_000
const PARTITIONS = 4
const STEP = BATCH_ROWS * PARTITIONS
/** Of a partition's logs in event time. */
const SPACING_MS = 1
const COST_ROUNDS = 5

export function benchLedger(config: Config): PostgresLedger {
  return new PostgresLedger({
    database: databaseOptions(config, 'bench'),
    namespace: config.database.namespace,
    group: config.kafka.groupId,
    owner: 'bench',
  })
}

/** `rows` are rounded up to whole batches of all partitions. */
export async function measureSink(config: Config, options: PartOptions & { lanes: number }): Promise<Figure> {
  const { ledger, epochs } = await claimedLedger(config)
  const { lanes } = options
  const store = await openStore(config, ledger, { lanes, open: undefined })
  const made = await madeRanges(epochs, 0)
  const next = { offset: 0 }
  const rows = Math.ceil(options.rows / STEP) * STEP
  await commitAll(store, made, { lanes, next, rows: 2 * STEP })
  const figure = await measured(rows, options.postmaster, () => commitAll(store, made, { lanes, next, rows }))
  await store.close()
  await ledger.close()
  return figure
}

/** Interleaved rounds over one connection, everything switched on in one of them and each promise missing from another. */
export async function measureCosts(config: Config, options: PartOptions): Promise<Costs> {
  const { ledger, epochs } = await claimedLedger(config)
  const open = sessionsOf(databaseOptions(config, 'bench'))
  const ways = ['all', ...COSTS] as const
  const stores = new Map<string, LogStore>()
  for (const way of ways)
    stores.set(way, await openStore(config, ledger, { lanes: 1, open: way === 'all' ? open : cutting(open, way) }))
  const usual = await madeRanges(epochs, 0)
  const unexplained = usual.map(({ ready, events }) => ({
    ready: { ...ready, logs: ready.logs.map((log) => ({ ...log, explanation: null })) },
    events,
  }))
  const made: Readonly<Record<Cost, readonly Made[]>> = {
    'exactly once': usual,
    aggregates: usual,
    explanation: unexplained,
    'all three': unexplained,
    'dead letters': await madeRanges(epochs, 1),
  }
  const next = { offset: 0 }
  const rows = Math.max(STEP, Math.round(options.rows / COST_ROUNDS / STEP) * STEP)
  const emptied = await open()
  const figures = new Map<string, Figure[]>(ways.map((way) => [way, []]))
  for (let round = 0; round <= COST_ROUNDS; round++) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const store = stores.get(way)
      if (store === undefined) continue
      const ranges = way === 'all' ? usual : made[way]
      await emptied.query('truncate logs, log_aggregates, ingest_dead_letter') // each begins with the same indexes
      const figure = await measured(rows, options.postmaster, () => commitAll(store, ranges, { lanes: 1, next, rows }))
      if (round > 0) figures.get(way)?.push(figure)
      // Without the ledger's step it stands where this round began: so does the next one.
      if (way === 'exactly once' || way === 'all three') next.offset -= rows / PARTITIONS
    }
  }
  await emptied.close()
  for (const store of stores.values()) await store.close()
  await ledger.close()
  const of = (way: (typeof ways)[number]): Figure => medianFigure(figures.get(way) ?? [])
  return {
    all: of('all'),
    without: {
      'exactly once': of('exactly once'),
      aggregates: of('aggregates'),
      explanation: of('explanation'),
      'all three': of('all three'),
      'dead letters': of('dead letters'),
    },
  }
}

/** A session whose transactions lack the statement of one promise. */
function cutting(open: OpenSession, cost: Cost): OpenSession {
  return async () => {
    const session = await open()
    return { ...session, copy: (text, files) => session.copy(withoutStatement(text, cost), files) }
  }
}

async function claimedLedger(config: Config): Promise<{ ledger: PostgresLedger; epochs: readonly number[] }> {
  const ledger = benchLedger(config)
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const startOffsets = async (): Promise<Map<number, StartOffset>> => new Map()
  await ledger.pin({ topic: 'bench-sink', topicKey: '', partitions, startPolicy: 'earliest', startOffsets })
  const { claims } = await ledger.claim(partitions)
  const epochs = partitions.map((partition) => claims.find((claim) => claim.partition === partition)?.epoch ?? 0)
  return { ledger, epochs }
}

async function openStore(
  config: Config,
  ledger: PostgresLedger,
  { lanes, open }: { lanes: number; open: OpenSession | undefined },
): Promise<LogStore> {
  const store = new LogStore({
    database: databaseOptions(config, 'bench'),
    ...(open === undefined ? {} : { openSession: open }),
    namespace: config.database.namespace,
    topic: 'bench-sink',
    pinned: () => ledger.pinned(),
    deadLetterBytesMax: config.limits.deadLetterBytesMax,
    decodeHeaders: () => [],
    reserveIds: () => false,
    events: silentEvents(),
    lanes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    random: Math.random,
    signal: new AbortController().signal,
  })
  await store.open()
  return store
}

/** Each lane stores batches of its own partitions, one after the other, as the line does. */
async function commitAll(
  store: LogStore,
  made: readonly Made[],
  { lanes, next, rows }: { lanes: number; next: { offset: number }; rows: number },
): Promise<void> {
  const steps = Math.ceil(rows / STEP)
  const commitLane = async (lane: number): Promise<void> => {
    const own = made.filter((_, partition) => partition % lanes === lane)
    for (let step = 0; step < steps; step++) {
      const from = next.offset + step * BATCH_ROWS
      const ranges = own.map(({ ready }) => ({
        ...ready,
        range: { ...ready.range, from, to: from + BATCH_ROWS },
      }))
      const outcomes = await store.commit({ lane, ranges })
      for (const { events } of own)
        for (const event of events) event.createdAt = epochMs(event.createdAt + BATCH_ROWS * SPACING_MS)
      const refused = outcomes.find(({ kind }) => kind !== 'committed')
      if (refused !== undefined) throw new Error(`a batch of the benchmark was not stored: ${refused.kind}`)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => commitLane(lane)))
  next.offset += steps * BATCH_ROWS
}

/** A partition's batch, and the events of its logs, whose time goes on. */
interface Made {
  readonly ready: ReadyRange
  readonly events: readonly { createdAt: LogEvent['createdAt'] }[]
}

/** One batch a partition, judged by a model that has seen several: `brokenPerThousand` of its records are dead letters. */
function madeRanges(epochs: readonly number[], brokenPerThousand: number): Promise<Made[]> {
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, Date.now)
  const scorer = new ModelScorer({ servicesMax: 2_000 })
  return Promise.all(
    epochs.map(async (epoch, partition): Promise<Made> => {
      const random = new Random(partition + 1)
      for (let batch = 0; batch < 3; batch++) {
        const earlier = rangeOf({ partition, epoch, random, from: batch * BATCH_ROWS, brokenPerThousand: 0 })
        scorer.judge(normalize(earlier).events)
      }
      const range = rangeOf({ partition, epoch, random, from: 3 * BATCH_ROWS, brokenPerThousand })
      const { events, rejects } = normalize(range)
      const logs = scorer.judge(events).map((log) => ({ ...log, event: { ...log.event } }))
      const ready = { range, logs, rejects, skips: {}, snapshot: null, alerts: [] }
      return { ready, events: logs.map(({ event }) => event) }
    }),
  )
}

function rangeOf(made: {
  partition: number
  epoch: number
  random: Random
  from: number
  brokenPerThousand: number
}): PartitionRange {
  const { partition, epoch, random, from, brokenPerThousand } = made
  const records = Array.from(
    { length: BATCH_ROWS },
    (_, index): RawRecord => ({
      offset: from + index,
      timestamp: epochMs(Date.UTC(2026, 0, 5) + from + index),
      key: null,
      value: benchLog(random, from + index, { services: 8, brokenPerThousand }),
      headers: null,
    }),
  )
  return {
    partition,
    assignment: 1,
    epoch,
    from,
    to: from + BATCH_ROWS,
    records,
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
  }
}
