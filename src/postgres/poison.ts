/**
 * Rows that PostgreSQL refuses for what they hold. The error names the row, so the first few are taken out one by one; when
 * there are more, the rows left are tried in halves, in transactions that are rolled back, so that a batch is still stored whole.
 */
import { messageOf, ProcessorError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { RawRecord, RawRecords, Reject, ScoredLog } from '../log.ts'
import type { ReadyRange } from '../pipeline.ts'

/** Taken out by the line that the error names; each costs an attempt over the whole batch. */
export const BY_LINE_MAX = 8
/** More refused rows than this, or this share of a batch, is a matter of the schema and not of the rows. */
const POISON_ROWS = 20
const POISON_SHARE = 0.05

export interface Refusal {
  readonly sqlstate: string
  readonly error: unknown
}

export function refusedMax(rows: number): number {
  return Math.max(POISON_ROWS, Math.floor(POISON_SHARE * rows))
}

/** The row behind the line of COPY logs: lines count the rows of all ranges, in order, from 1. */
export function logAtLine(ranges: readonly ReadyRange[], line: number): ScoredLog {
  let before = 0
  for (const { logs } of ranges) {
    const log = logs[line - 1 - before]
    if (log !== undefined) return log
    before += logs.length
  }
  throw new ProcessorError('POSTGRES_BROKEN_INVARIANT', `PostgreSQL refused line ${line}, which is not in the batch`)
}

/** The ranges with these rows turned into dead letters. */
export function withoutRefused(
  ranges: readonly ReadyRange[],
  refusals: ReadonlyMap<ScoredLog, Refusal>,
  events: Events,
): ReadyRange[] {
  return ranges.map((ready) => {
    const refused = ready.logs.filter((log) => refusals.has(log))
    if (refused.length === 0) return ready
    const rejects = refused.map((log) => rejectOf(ready, log, refusals.get(log)))
    for (const { partition, offset, sqlstate } of rejects) {
      events.poisonRow({ partition, offset, sqlstate: sqlstate ?? '' })
    }
    return {
      ...ready,
      logs: ready.logs.filter((log) => !refusals.has(log)),
      rejects: [...ready.rejects, ...rejects],
    }
  })
}

function rejectOf({ range }: ReadyRange, { event }: ScoredLog, refusal: Refusal | undefined): Reject {
  const { partition, offset, item, service } = event
  const record = recordAt(range.records, offset)
  if (record === undefined || refusal === undefined) {
    throw new ProcessorError('POSTGRES_BROKEN_INVARIANT', `the refused row ${partition}/${offset} has no record`)
  }
  const { error, sqlstate } = refusal
  return { partition, offset, item, reason: 'refused_by_database', detail: messageOf(error), service, sqlstate, record }
}

function recordAt(records: RawRecords, offset: number): RawRecord | undefined {
  for (const record of records) if (record.offset === offset) return record
  return undefined
}

/** Tries rows and undoes it: null when they could all be stored, else why not. Retries what may be retried by itself. */
type TryRows = (ranges: readonly ReadyRange[]) => Promise<Refusal | null>

/** All refused rows among these, by halving; stops when there are more than `most`, and then answers null. */
export async function bisect(
  ranges: readonly ReadyRange[],
  tryRows: TryRows,
  most: number,
): Promise<Map<ScoredLog, Refusal> | null> {
  const found = new Map<ScoredLog, Refusal>()
  const rows = ranges.flatMap((ready) => ready.logs.map((log) => ({ ready, log })))
  const parts = rows.length === 0 ? [] : [{ from: 0, to: rows.length }]
  while (parts.length > 0) {
    const part = parts.pop()
    if (part === undefined) break
    const { from, to } = part
    const slice = rows.slice(from, to)
    const refusal = await tryRows(rangesOf(slice))
    if (refusal === null) continue
    const [only] = slice
    if (to - from === 1 && only !== undefined) {
      found.set(only.log, refusal)
      if (found.size > most) return null
      continue
    }
    const middle = (from + to) >> 1
    parts.push({ from: middle, to }, { from, to: middle })
  }
  return found
}

function rangesOf(rows: readonly { readonly ready: ReadyRange; readonly log: ScoredLog }[]): ReadyRange[] {
  const logs = new Map<ReadyRange, ScoredLog[]>()
  for (const { ready, log } of rows) {
    const some = logs.get(ready)
    if (some === undefined) logs.set(ready, [log])
    else some.push(log)
  }
  return [...logs].map(([ready, some]) => ({ ...ready, logs: some }))
}
