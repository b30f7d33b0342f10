/** A database with dead letters in it, made by the flush itself, and everything that is done to them. */
import assert from 'node:assert/strict'
import { type ReplayParts, replayAll } from '../../src/commands/dead-letters-replay.ts'
import { epochMs } from '../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import type { DeadLetterFilter } from '../../src/postgres/dead-letter-filter.ts'
import { DeadLetterReplay } from '../../src/postgres/dead-letter-replay.ts'
import { eachDeadLetter } from '../../src/postgres/dead-letters.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { replayedLog } from '../../src/scoring/rule-scorer.ts'
import { logStore, pinRequest } from './log-store.ts'
import type { TestDatabase } from './postgres.ts'
import { MINUTE, readyRange } from './ready-ranges.ts'

interface StoreOptions {
  readonly partition?: number
  readonly topicKey?: string
  readonly partitions?: readonly number[]
}

export const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => MINUTE)
/** What "the current code" is in these tests: one that also takes single quotes. */
export const kinder: typeof normalize = (range) =>
  normalize({
    ...range,
    records: [...range.records].map((record) => ({
      ...record,
      value: record.value === null ? null : Buffer.from(record.value.toString().replaceAll("'", '"')),
    })),
  })

export const BYTES_KEPT = 200

export class DeadLetterWorld {
  readonly database: TestDatabase
  readonly replay: DeadLetterReplay
  #said = ''
  constructor(database: TestDatabase) {
    this.database = database
    this.replay = new DeadLetterReplay({
      database: database.options,
      deadLetterBytesMax: BYTES_KEPT,
      decodeHeaders: () => [],
    })
  }

  /** The messages go through the flush as in a worker: the next of the partition, with the topic pinned where it is not yet. */
  async store(
    messages: readonly string[],
    { partition = 0, topicKey = 'c:t', partitions = [0] }: StoreOptions = {},
  ): Promise<void> {
    const { options: database } = this.database
    const ledger = new PostgresLedger({ database, namespace: 'default', group: 'g', owner: 'w' })
    await ledger.pin(pinRequest(partitions, topicKey))
    const claim = (await ledger.claim([partition])).claims[0]
    const store = logStore(database, ledger, { deadLetterBytesMax: BYTES_KEPT })
    const from = claim?.nextOffset ?? 0
    const records = messages.map((text, at) => ({
      offset: from + at,
      timestamp: epochMs(MINUTE),
      key: null,
      value: Buffer.from(text),
      headers: null,
    }))
    const at = { partition, epoch: claim?.epoch ?? 0, from, count: records.length }
    const { range } = readyRange(at, { range: { records } })
    const { events, rejects, skips } = normalize(range)
    const judged = { score: 0, isAnomaly: false, source: 'model', explanation: null } as const
    const logs = events.map((event) => ({ event, ...judged }))
    const outcomes = await store.commit({
      lane: 0,
      ranges: [{ range, logs, rejects, skips, snapshot: null, alerts: [] }],
    })
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['committed'],
    )
    await ledger.release([partition])
    await store.close()
    await ledger.close()
  }

  async run(
    filter: DeadLetterFilter,
    parts: Partial<ReplayParts> & { dryRun?: true; edited?: string; limit?: number; rate?: number } = {},
  ): Promise<number> {
    const edited = parts.edited === undefined ? null : { value: Buffer.from(parts.edited) }
    const options = this.database.options
    async function* letters() {
      for await (const letter of eachDeadLetter(options, { status: 'new', ...filter })) yield { letter, edited }
    }
    return this.replayed(letters(), parts)
  }

  async replayed(
    letters: Parameters<typeof replayAll>[0],
    parts: Partial<ReplayParts> & { dryRun?: true; limit?: number; rate?: number } = {},
  ): Promise<number> {
    this.#said = ''
    return replayAll(
      letters,
      {
        reader: { normalize: kinder, judge: replayedLog },
        lookup: { read: async () => null },
        replay: this.replay,
        clock: () => performance.now(),
        sleep: async () => undefined,
        ...parts,
      },
      { write: (text) => (this.#said += text), rate: parts.rate ?? 1e6, dryRun: parts.dryRun, limit: parts.limit },
    )
  }

  get said(): string {
    return this.#said
  }

  async ledger(): Promise<Record<string, number>> {
    const { rows } = await this.database.client.query(
      `select records::int, dead::int, dead_items::int, rows_written::int as rows, next_offset::int as next,
              (select count(*)::int from logs) as stored, (select coalesce(sum(total_logs), 0)::int from log_aggregates) as aggregated
         from ingest_ledger`,
    )
    return rows[0]
  }

  async letters(): Promise<string[]> {
    const { rows } = await this.database.client.query(
      `select "offset" || '/' || item || ' ' || status || ' ' || attempts as text from ingest_dead_letter order by "offset", item`,
    )
    return rows.map(({ text }) => text)
  }
}

export const log = (extra: string): string =>
  `{"service":"pay","level":"ERROR","message":"m","latency_ms":2500${extra}}`
/** Bad JSON that kinder code reads. */
export const mended = "{'service':'pay','level':'ERROR','message':'mended','latency_ms':2500}"
