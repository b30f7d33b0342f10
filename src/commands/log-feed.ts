/** Logs to be judged once more, out of the table or out of the topic: what `evaluate` and `backtest` share. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { type TopicRangeOptions, topicRange, topicRangeSizes } from '../kafka/topic-range.ts'
import type { LogEvent } from '../log.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import { storedLogCounts, storedLogs } from '../postgres/stored-logs.ts'
import { databaseOptions } from './database.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { normalizeLimits } from './normalize-limits.ts'
import { printable } from './printable.ts'

/** As the command line gives them. */
export interface FeedOptions {
  readonly table?: true | undefined
  /** true: KAFKA_TOPIC. */
  readonly topic?: string | true | undefined
  /** ISO 8601; logs from here on count, those of `learnHours` before it only teach. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly learnHours: number
  /** Of the topic, instead of times: `partition:from-to`, separated by commas; `to` is exclusive and may be missing. */
  readonly offsets?: string | undefined
}

export interface FedLog {
  readonly event: LogEvent
  /** What the table says of it; null for a log out of the topic. */
  readonly stored: { readonly score: number; readonly isAnomaly: boolean } | null
}

export interface Feed {
  readonly from: 'table' | 'topic'
  readonly batches: AsyncIterable<readonly FedLog[]>
  /** Whether a log counts, or only teaches. */
  readonly counts: (event: LogEvent) => boolean
  /** Each partition's part of the logs, in (0, 1]: by it a budget is divided. */
  readonly shares: () => Promise<ReadonlyMap<number, number>>
}

const HOUR_MS = 3_600_000

/** Throws INPUT for options that don't fit together. */
export function openFeed(options: FeedOptions, config: Config): Feed {
  const { table, topic } = options
  if ((table === undefined) === (topic === undefined)) {
    throw new ProcessorError('INPUT', 'expected either --table or --topic: where the logs come from')
  }
  if (options.offsets !== undefined && topic === undefined) {
    throw new ProcessorError('INPUT', '--offsets are those of a topic: expected --topic with it')
  }
  const since = time(options.since, '--since')
  const until = time(options.until, '--until')
  const learnFrom = since === null ? null : new Date(since.getTime() - options.learnHours * HOUR_MS)
  const [from, to] = [since?.getTime() ?? Number.NEGATIVE_INFINITY, until?.getTime() ?? Number.POSITIVE_INFINITY]
  const counts = ({ createdAt }: LogEvent): boolean => createdAt >= from && createdAt < to
  if (table === true) return { counts, ...tableFeed(config, learnFrom, until) }
  const name = typeof topic === 'string' ? topic : config.kafka.topic
  return { counts, ...topicFeed(config, { topic: name, learnFrom, to, offsets: offsetsOf(options.offsets) }) }
}

function tableFeed(config: Config, since: Date | null, until: Date | null): Omit<Feed, 'counts'> {
  const database = databaseOptions(config, 'rescoring')
  const filter = { namespace: config.database.namespace, topic: config.kafka.topic, since, until }
  async function* batches(): AsyncGenerator<FedLog[]> {
    for await (const logs of storedLogs(database, filter)) {
      yield logs.map(({ event, ...stored }) => ({ event, stored }))
    }
  }
  return { from: 'table', batches: batches(), shares: async () => sharesOf(await storedLogCounts(database, filter)) }
}

interface TopicStretch {
  readonly topic: string
  readonly learnFrom: Date | null
  readonly to: number
  readonly offsets: ReturnType<typeof offsetsOf>
}

function topicFeed(config: Config, { topic, offsets, learnFrom, to }: TopicStretch): Omit<Feed, 'counts'> {
  const normalize = createNormalizer(normalizeLimits(config, false), Date.now)
  const connected = async function* <T>(use: (stretch: TopicRangeOptions) => AsyncIterable<T>): AsyncGenerator<T> {
    const transport = platformaticTransport(clusterOptions(config, 'insighthub-rescoring'))
    try {
      yield* use({ transport, topic, offsets, sinceMs: learnFrom?.getTime() ?? null, sleep })
    } finally {
      await transport.close()
    }
  }
  async function* batches(): AsyncGenerator<FedLog[]> {
    for await (const records of connected(topicRange)) {
      const events = normalize(records).events.filter(({ createdAt }) => createdAt < to)
      yield events.map((event) => ({ event, stored: null }))
    }
  }
  const sizes = async function* (stretch: TopicRangeOptions) {
    yield await topicRangeSizes(stretch)
  }
  const shares = async (): Promise<ReadonlyMap<number, number>> => {
    for await (const found of connected(sizes)) return sharesOf(found)
    return new Map()
  }
  return { from: 'topic', batches: batches(), shares }
}

function sharesOf(sizes: ReadonlyMap<number, number>): Map<number, number> {
  const all = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  return new Map([...sizes].filter(([, size]) => size > 0).map(([partition, size]) => [partition, size / all]))
}

function time(text: string | undefined, option: string): Date | null {
  if (text === undefined) return null
  const date = new Date(text)
  if (!Number.isNaN(date.getTime())) return date
  throw new ProcessorError('INPUT', `${option} ${printable(text)}: expected a time such as 2025-12-03T15:00:00Z`)
}

/** `0:100-2000,1:50-` */
export function offsetsOf(text: string | undefined): Map<number, { from: number; to: number }> | null {
  if (text === undefined) return null
  const stretches = new Map<number, { from: number; to: number }>()
  for (const part of text.split(',')) {
    const refused = (expected: string) =>
      new ProcessorError('INPUT', `--offsets ${printable(part)}: expected ${expected}`)
    const found = /^\s*(\d{1,9}):(\d{1,15})-(\d{1,15})?\s*$/.exec(part)
    if (found === null) throw refused('partition:from-to, such as 0:100-2000')
    const [partition, from, to] = [Number(found[1]), Number(found[2]), Number(found[3] ?? Number.POSITIVE_INFINITY)]
    if (to <= from) throw refused('an end behind its beginning: it is the first offset that is left out')
    if (stretches.has(partition)) throw refused('each partition once')
    stretches.set(partition, { from, to })
  }
  return stretches
}
