/**
 * The checker of a proof: what the topic holds, read and normalized all over again, against what the tables hold. It asks the
 * ledger nothing: that would be the accused as the witness. Pure.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Reject, ScoredLog } from '../log.ts'
import type { NormalizedRange } from '../pipeline.ts'

/** A row of logs as the checker reads it. */
export interface StoredRow {
  readonly offset: number
  readonly item: number
  readonly service: string
  readonly level: string
  readonly message: string
  readonly latencyMs: number | null
  /** Microseconds since 1970, as text. */
  readonly createdAtUs: string
  readonly userId: string | null
  readonly metadata: unknown
  readonly score: number
  readonly isAnomaly: boolean
  readonly scoreSource: string
  /** From the record's time to the row's transaction, in ms; null where the record's time is not known. */
  readonly ageMs: number
}

export interface StoredLetter {
  readonly offset: number
  readonly item: number
  readonly reason: string
  /** Hex. */
  readonly valueSha256: string | null
}

/** What a chunk of the topic makes. */
export interface Expected extends Pick<NormalizedRange, 'rejects' | 'skips'> {
  /** Judged by a model that read the partition from its beginning, undisturbed. */
  readonly logs: readonly ScoredLog[]
}

export const FINDINGS = ['lost', 'duplicated', 'altered', 'unexpected'] as const
export type Finding = (typeof FINDINGS)[number]

export interface Example {
  readonly finding: Finding
  /** partition/offset/item */
  readonly position: string
  readonly what: string
}

/** Adds up over partitions and chunks of them. */
export class Comparison {
  readonly counts: Record<Finding, number> = { lost: 0, duplicated: 0, altered: 0, unexpected: 0 }
  readonly examples: Example[] = []
  rowsExpected = 0
  rowsStored = 0
  lettersExpected = 0
  lettersStored = 0
  skipped = 0
  late = 0
  ageMsMax = 0
  readonly #lateAfterMs: number
  readonly #round: (value: number) => number

  /** A row is late that was stored so long after its record; `round` is the column's. */
  constructor(options: { readonly lateAfterMs: number; readonly round: (value: number) => number }) {
    this.#lateAfterMs = options.lateAfterMs
    this.#round = options.round
  }

  /** One chunk of one partition: all that should be there, and all that is. */
  add(partition: number, expected: Expected, rows: readonly StoredRow[], letters: readonly StoredLetter[]): void {
    this.rowsExpected += expected.logs.length
    this.rowsStored += rows.length
    this.lettersExpected += expected.rejects.length
    this.lettersStored += letters.length
    this.skipped += Object.values(expected.skips).reduce((sum, count) => sum + count, 0)
    for (const { ageMs } of rows) {
      this.ageMsMax = Math.max(this.ageMsMax, ageMs)
      if (ageMs > this.#lateAfterMs) this.late++
    }
    const at = (place: { offset: number; item: number }): string => `${partition}/${place.offset}/${place.item}`
    const logs = expected.logs.map((log) => ({ offset: log.event.offset, item: log.event.item, log }))
    this.#match(logs, rows, at, 'row', ({ log }, row) => this.#differences(log, row))
    this.#match(expected.rejects, letters, at, 'dead letter', letterDifferences)
  }

  #match<Expected extends Place, Found extends Place>(
    expected: readonly Expected[],
    found: readonly Found[],
    at: (place: Place) => string,
    noun: string,
    differences: (expected: Expected, found: Found) => string[],
  ): void {
    const wanted = new Map(expected.map((each) => [at(each), each]))
    const seen = new Set<string>()
    for (const each of found) {
      const position = at(each)
      const want = wanted.get(position)
      if (want === undefined) this.#note('unexpected', position, `a ${noun} that nothing in the topic explains`)
      else if (seen.has(position)) this.#note('duplicated', position, `the ${noun} is there more than once`)
      else {
        const changed = differences(want, each)
        if (changed.length > 0) this.#note('altered', position, `${noun}: ${changed.join(', ')}`)
      }
      seen.add(position)
    }
    for (const position of wanted.keys())
      if (!seen.has(position)) this.#note('lost', position, `the ${noun} is missing`)
  }

  #differences({ event, score, isAnomaly, source }: ScoredLog, row: StoredRow): string[] {
    const latency = event.latencyMs === null ? null : this.#round(event.latencyMs)
    const metadata: unknown = event.metadata === null ? null : JSON.parse(event.metadata)
    const pairs: [string, unknown, unknown][] = [
      ['service', event.service, row.service],
      ['level', event.level, row.level],
      ['message', storable(event.message), row.message],
      ['latency_ms', latency, row.latencyMs],
      ['created_at', microseconds(event.createdAt), row.createdAtUs],
      ['user_id', event.userId, row.userId],
      ['metadata', metadata, row.metadata],
      ['anomaly_score', score, row.score],
      ['is_anomaly', isAnomaly, row.isAnomaly],
      ['score_source', source, row.scoreSource],
    ]
    return pairs.filter(([, want, got]) => !isDeepStrictEqual(want, got)).map(([name]) => name)
  }

  #note(finding: Finding, position: string, what: string): void {
    this.counts[finding]++
    const known = this.examples.reduce((count, each) => count + (each.finding === finding ? 1 : 0), 0)
    if (known < EXAMPLES_MAX) this.examples.push({ finding, position, what })
  }
}

interface Place {
  readonly offset: number
  readonly item: number
}

const EXAMPLES_MAX = 10
const POSTGRES_EPOCH_MS = 946_684_800_000

/** As the binary format carries it: whole microseconds since 2000. */
function microseconds(ms: number): string {
  return String(Math.round((ms - POSTGRES_EPOCH_MS) * 1000) + POSTGRES_EPOCH_MS * 1000)
}

function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\ufffd')
}

function letterDifferences(reject: Reject, letter: StoredLetter): string[] {
  const { value } = reject.record
  const sha256 = value === null ? null : createHash('sha256').update(value).digest('hex')
  return [
    ...(reject.reason === letter.reason ? [] : ['reason']),
    ...(sha256 === letter.valueSha256 ? [] : ['value_sha256']),
  ]
}
