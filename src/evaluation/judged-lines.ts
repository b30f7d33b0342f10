/**
 * Labelled lines through the same normalizer and scorer that a record from Kafka goes through, as one partition and in order.
 * A line that no log can be read from is counted, not judged.
 */
import { epochMs, type ScoredLog } from '../log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../normalize/limits.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import type { PartitionRange } from '../pipeline.ts'
import { JUDGED_AT_ONCE, Judge, type ScorerSettings } from './judge.ts'
import type { RaisedAlert } from './judged-logs.ts'

export interface Line {
  readonly line: Buffer
  /** The record's own time. */
  readonly timeMs: number
}

export interface Judging {
  readonly alerts: readonly RaisedAlert[]
  readonly unreadable: number
  /** Of scoring, alerts included; normalizing is not counted. */
  readonly microsecondsPerLog: number
}

/** Calls `each` for every log that could be read, with the line it came from. */
export async function judgeLines<L extends Line>(
  lines: AsyncIterable<L>,
  settings: ScorerSettings,
  each: (line: L, log: ScoredLog) => void,
): Promise<Judging> {
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => Number.MAX_SAFE_INTEGER)
  const judge = new Judge(settings)
  let [unreadable, offset] = [0, 0]
  const flush = async (batch: readonly L[]): Promise<void> => {
    const { events, rejects, skips } = normalize(rangeOf(batch, offset))
    unreadable += rejects.length + (skips.empty ?? 0) + (skips.tombstone ?? 0)
    for (const log of await judge.score(events)) each(batch[log.event.offset - offset]!, log)
    offset += batch.length
  }
  let batch: L[] = []
  for await (const line of lines) {
    if (batch.push(line) < JUDGED_AT_ONCE) continue
    await flush(batch)
    batch = []
  }
  if (batch.length > 0) await flush(batch)
  return { alerts: judge.alerts, unreadable, microsecondsPerLog: judge.microsecondsPerLog }
}

function rangeOf(lines: readonly Line[], from: number): PartitionRange {
  const records = lines.map(({ line, timeMs }, i) => ({
    offset: from + i,
    timestamp: epochMs(timeMs),
    key: null,
    value: line,
    headers: null,
  }))
  const [to, purpose] = [from + lines.length, 'store' as const]
  return { partition: 0, assignment: 0, epoch: 0, from, to, records, holes: 0, gap: null, tail: null, purpose }
}
