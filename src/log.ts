/**
 * The nouns, in the order of a log's journey. This file imports nothing; everything else speaks in these words.
 *
 *   RawRecord  ->  LogEvent  ->  ScoredLog        what Kafka holds, what it means, how unusual it is
 *        \-> Reject                               what could not be read, and why
 */

/** Milliseconds since 1970-01-01T00:00:00Z; a fraction carries microseconds. */
export type EpochMs = number & { readonly unit: 'epoch ms' }
export const epochMs = (value: number): EpochMs => value as EpochMs

/** One Kafka record, untouched. Offsets are plain numbers: Kafka's fit in 53 bits for any log that can exist. */
export interface RawRecord {
  readonly offset: number
  /** The record's own time; -1 where the producer or the broker gave none. */
  readonly timestamp: EpochMs
  readonly key: Buffer | null
  /** null is a tombstone. */
  readonly value: Buffer | null
  /** The header section as it came off the wire (empty: null); only a dead letter ever decodes it. */
  readonly headers: Buffer | null
}

export type RawRecords = Iterable<RawRecord> & Pick<readonly RawRecord[], 'length' | 'at'>

export const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type Level = (typeof LEVELS)[number]

/** One log that could be read: what becomes a row. A pure function of (record, position, limits). */
export interface LogEvent {
  readonly partition: number
  readonly offset: number
  /** Index in a message that carried an array; 0 for a single log. */
  readonly item: number
  readonly service: string
  readonly level: Level
  readonly message: string
  /** Unrounded, never negative, at most 2147483647; the column takes it rounded half to even. */
  readonly latencyMs: number | null
  readonly createdAt: EpochMs
  /** The record's timestamp where it is believable, else null: bounds what event time may claim. */
  readonly recordTimestamp: EpochMs | null
  readonly userId: string | null
  /** JSON text for the jsonb column: the fields nobody asked for, and `_coerced`; null when there are none. */
  readonly metadata: string | null
}

/** Who judged a log. */
export const SCORE_SOURCES = ['model', 'remote', 'rules', 'replay'] as const
export type ScoreSource = (typeof SCORE_SOURCES)[number]

/** A log and the judgement on it: score in [0, 1], higher is more unusual. */
export interface ScoredLog {
  readonly event: LogEvent
  readonly score: number
  readonly isAnomaly: boolean
  readonly source: ScoreSource
  /** JSON text, at most 1 KiB; null for an ordinary log. */
  readonly explanation: string | null
}

/** Why a record, or one element of it, is a dead letter. */
export const REJECT_REASONS = [
  'bad_json',
  'not_an_object',
  'too_deep',
  'too_large',
  'too_many_items',
  'bad_item',
  'wrong_encoding',
  'compressed',
  'schema_registry_framing',
  'binary',
  'refused_by_database',
] as const
export type RejectReason = (typeof REJECT_REASONS)[number]

export interface Reject {
  readonly partition: number
  readonly offset: number
  /** -1: the whole record. */
  readonly item: number
  readonly reason: RejectReason
  /** One sentence for people, without the message's content. */
  readonly detail: string
  /** The service, where it could be read all the same. */
  readonly service: string | null
  /** Set where PostgreSQL refused the row. */
  readonly sqlstate: string | null
  readonly record: RawRecord
}

/** A record left out by policy: counted, not stored. */
export const SKIP_REASONS = ['tombstone', 'empty'] as const
export type SkipReason = (typeof SKIP_REASONS)[number]
