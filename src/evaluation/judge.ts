/**
 * Labelled lines through the same normalizer and scorer that a record from Kafka goes through, as one partition and in order.
 * A line that no log can be read from is counted, not judged.
 */
import { epochMs, type ScoredLog } from '../log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../normalize/limits.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import type { PartitionRange } from '../pipeline.ts'
import { ModelScorer, type ModelScorerOptions } from '../scoring/model-scorer.ts'
import type { RaisedAlert } from './judged-logs.ts'

/** What of the scorer's options can be handed to another thread. */
export type ScorerSettings = Omit<ModelScorerOptions, 'failed' | 'refused'>

export interface Line {
  readonly line: Buffer
  /** The record's own time. */
  readonly timeMs: number
}

export interface Judging {
  readonly alerts: readonly RaisedAlert[]
  readonly unreadable: number
  /** Microseconds of scoring, alerts included, per log; normalizing is not counted. */
  readonly microsecondsPerLog: number
}

const PARTITION = 0
const BATCH = 5_000

/** Calls `each` for every log that could be read, with the line it came from. */
export async function judge<L extends Line>(
  lines: AsyncIterable<L>,
  settings: ScorerSettings,
  each: (line: L, log: ScoredLog) => void,
): Promise<Judging> {
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => Number.MAX_SAFE_INTEGER)
  let failure: unknown = null
  const scorer = new ModelScorer({
    ...settings,
    failed: ({ error }) => {
      failure ??= error
    },
  })
  const alerts = new Map<string, RaisedAlert>()
  let [judged, unreadable, milliseconds, offset] = [0, 0, 0, 0]
  const flush = async (batch: readonly L[]): Promise<void> => {
    const { events, rejects, skips } = normalize(rangeOf(batch, offset))
    unreadable += rejects.length + (skips.empty ?? 0) + (skips.tombstone ?? 0)
    const startedMs = performance.now()
    const logs = await scorer.score(events)
    for (const alert of scorer.alerts(PARTITION)) {
      const key = `${alert.service} ${alert.kind} ${alert.sinceMs}`
      if (!alerts.has(key)) alerts.set(key, { service: alert.service, seconds: alert.raisedAtMs / 1000 })
    }
    milliseconds += performance.now() - startedMs
    if (failure !== null) throw failure
    for (const log of logs) each(batch[log.event.offset - offset]!, log)
    judged += logs.length
    offset += batch.length
  }
  let batch: L[] = []
  for await (const line of lines) {
    if (batch.push(line) < BATCH) continue
    await flush(batch)
    batch = []
  }
  if (batch.length > 0) await flush(batch)
  return { alerts: [...alerts.values()], unreadable, microsecondsPerLog: (milliseconds * 1000) / Math.max(1, judged) }
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
  return { partition: PARTITION, assignment: 0, epoch: 0, from, to, records, holes: 0, gap: null, tail: null, purpose }
}
