/**
 * What the current code makes of a dead letter: its logs, or why it still has none. Pure, but for the normalizer it is given.
 *
 * A letter stands for a whole record (item -1) or for one element of an array. Read again, a whole record may have become an
 * array of which some elements are bad: those are new letters, one for each, so a replay only ever gets finer and ends.
 */
import type { LogEvent, RawRecord, Reject, ScoredLog } from '../log.ts'
import { epochMs } from '../log.ts'
import type { NormalizedRange, PartitionRange } from '../pipeline.ts'

export interface Letter {
  readonly partition: number
  readonly offset: number
  /** -1: the whole record. */
  readonly item: number
  /** ms; null where the record had no believable time. */
  readonly recordTimeMs: number | null
}

export type Reading =
  /** What a replay stores: rows, and letters for the elements that are still bad. */
  | { readonly kind: 'logs'; readonly logs: readonly ScoredLog[]; readonly rejects: readonly Reject[] }
  /** As it was: nothing can be stored of it. */
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  /** Nothing to store: an empty array, no bytes. */
  | { readonly kind: 'nothing'; readonly detail: string }

export interface Reader {
  readonly normalize: (range: PartitionRange) => NormalizedRange
  readonly judge: (event: LogEvent) => ScoredLog
}

/** `value` is the whole record's, or, with `replaces: 'element'`, what shall stand in the place of the letter's element. */
export interface LetterValue {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly replaces: 'record' | 'element'
}

export function readAgain(letter: Letter, { key, value, replaces }: LetterValue, reader: Reader): Reading {
  const record: RawRecord = {
    offset: letter.offset,
    timestamp: epochMs(letter.recordTimeMs ?? -1),
    key,
    value,
    headers: null,
  }
  const { events, rejects, skips } = reader.normalize(rangeOf(letter.partition, record))
  if (letter.item < 0) return wholeReading(events, rejects, skips, reader)
  if (replaces === 'element') {
    if (events.length + rejects.length > 1)
      return refused('bad_item', 'An array cannot stand in the place of one element')
    return oneReading(events[0], rejects[0], letter.item, reader)
  }
  const whole = rejects.find(({ item }) => item < 0)
  const reject = whole ?? rejects.find(({ item }) => item === letter.item)
  return oneReading(
    events.find(({ item }) => item === letter.item),
    reject,
    letter.item,
    reader,
  )
}

function wholeReading(
  events: readonly LogEvent[],
  rejects: readonly Reject[],
  skips: NormalizedRange['skips'],
  reader: Reader,
): Reading {
  const [first] = rejects
  if (events.length > 0) return { kind: 'logs', logs: events.map(reader.judge), rejects }
  if (first !== undefined) return refused(first.reason, first.detail)
  return { kind: 'nothing', detail: `Nothing is left to store (${Object.keys(skips).join(', ')}): discard it` }
}

function oneReading(event: LogEvent | undefined, reject: Reject | undefined, item: number, reader: Reader): Reading {
  if (event !== undefined) return { kind: 'logs', logs: [reader.judge({ ...event, item })], rejects: [] }
  if (reject !== undefined) return refused(reject.reason, reject.detail)
  return { kind: 'nothing', detail: `The message has no element ${item}` }
}

function refused(reason: string, detail: string): Reading {
  return { kind: 'refused', reason, detail }
}

function rangeOf(partition: number, record: RawRecord): PartitionRange {
  const { offset } = record
  return {
    partition,
    assignment: 0,
    epoch: 0,
    from: offset,
    to: offset + 1,
    records: [record],
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
  }
}
