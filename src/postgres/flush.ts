/**
 * What to do about the outcome of a flush: the decisions, apart from the sockets. One attempt is one transaction over the
 * ranges still pending.
 *
 *   committed       every pending range is stored
 *   fenced          that partition has another owner: leave it out, try the rest again
 *   stale           the ledger stands elsewhere. At our end: an earlier attempt of ours had committed and its answer was lost.
 *                   Before our start: the database was rewound (failover, restore). Otherwise somebody else got there.
 *   poison          PostgreSQL named the row: it becomes a dead letter, the rest is tried again
 *   retry           the world is broken: the same again after a backoff, for ever. Never the ledger is asked what happened:
 *                   the attempt whose answer was lost may commit after we have looked.
 *   configuration   not ready until an operator acts; retried slowly
 *   broken          a bug: the process must stop
 */
import { messageOf, ProcessorError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Reject } from '../log.ts'
import type { CommitOutcome, PartitionRange, ReadyRange } from '../pipeline.ts'
import { classify, sqlMessage } from './sql-errors.ts'

/** One transaction; answers the ids that were reserved for the rows, or null. Rejects with the database's error. */
export type Attempt = (ranges: readonly ReadyRange[]) => Promise<readonly number[] | null>

export interface FlushWorld {
  readonly events: Events
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
  /** Ends the endless retries of a stop whose deadline has passed. */
  readonly signal: AbortSignal
  readonly found: (state: 'ready' | 'retrying' | 'refused', error: unknown) => void
}

const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 5_000
/** More refused rows than this, or this share of a batch, is a matter of the schema and not of the rows. */
const POISON_ROWS = 20
const POISON_SHARE = 0.05

/** Full jitter: after an outage everybody comes back at once otherwise. */
function backoffMs(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 10)))
}

/** One outcome a range, in the order given. */
export async function flush(
  ranges: readonly ReadyRange[],
  attempt: Attempt,
  world: FlushWorld,
): Promise<CommitOutcome[]> {
  const outcomes = new Map<PartitionRange, CommitOutcome>()
  const isolated = new Map<PartitionRange, Reject[]>()
  const rowsInAll = ranges.reduce((sum, { logs }) => sum + logs.length, 0)
  let pending = [...ranges]
  let failures = 0
  while (pending.length > 0) {
    try {
      const ids = await attempt(pending)
      world.found('ready', null)
      settleCommitted(pending, { ids, isolated, outcomes })
      break
    } catch (error) {
      const verdict = classify(error)
      switch (verdict.kind) {
        case 'fenced':
        case 'stale':
          failures = 0
          pending = leaveOut(pending, verdict, outcomes, world.events)
          break
        case 'poison': {
          const refused = [...isolated.values()].reduce((sum, rejects) => sum + rejects.length, 0)
          if (refused < Math.max(POISON_ROWS, POISON_SHARE * rowsInAll)) {
            pending = isolate(
              pending,
              { line: verdict.line, sqlstate: verdict.sqlstate, error },
              isolated,
              world.events,
            )
            break
          }
          isolated.clear()
          pending = ranges.filter(({ range }) => !outcomes.has(range))
          await wait('refused', error, BACKOFF_MAX_MS, world)
          break
        }
        case 'configuration':
          await wait('refused', error, BACKOFF_MAX_MS, world)
          break
        case 'retry':
          await wait('retrying', error, backoffMs(failures++, world.random), world)
          break
        case 'broken':
          throw new ProcessorError('POSTGRES_BROKEN_INVARIANT', sqlMessage(error), { cause: error })
      }
    }
  }
  return ranges.map(({ range }) => outcomes.get(range) ?? { kind: 'fenced', range })
}

async function wait(
  state: 'retrying' | 'refused',
  error: unknown,
  retryInMs: number,
  world: FlushWorld,
): Promise<void> {
  world.found(state, error)
  if (state === 'refused') world.events.postgresRefused({ error, retryInMs })
  else world.events.flushRetried({ sqlstate: null, error })
  await world.sleep(retryInMs, world.signal).catch(() => undefined)
  if (world.signal.aborted) {
    throw new ProcessorError(
      'STOP_DEADLINE',
      `a batch could not be stored before the stop's deadline: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

interface Settling {
  readonly ids: readonly number[] | null
  readonly isolated: ReadonlyMap<PartitionRange, readonly Reject[]>
  readonly outcomes: Map<PartitionRange, CommitOutcome>
}

function settleCommitted(pending: readonly ReadyRange[], { ids, isolated, outcomes }: Settling): void {
  let at = 0
  for (const { range, logs } of pending) {
    const logIds = ids === null ? null : ids.slice(at, at + logs.length)
    at += logs.length
    outcomes.set(range, { kind: 'committed', range, refused: isolated.get(range) ?? [], logIds })
  }
}

type LeftOut =
  | { readonly kind: 'fenced'; readonly partition: number }
  | { readonly kind: 'stale'; readonly partition: number; readonly nextOffset: number }

function leaveOut(
  pending: readonly ReadyRange[],
  verdict: LeftOut,
  outcomes: Map<PartitionRange, CommitOutcome>,
  events: Events,
): ReadyRange[] {
  const { partition } = verdict
  const found = pending.find(({ range }) => range.partition === partition)
  if (found === undefined) {
    throw new ProcessorError(
      'POSTGRES_BROKEN_INVARIANT',
      `the ledger refused partition ${partition}, which is not in the batch`,
    )
  }
  const { range } = found
  if (verdict.kind === 'fenced') {
    events.partitionFenced({ partition })
    outcomes.set(range, { kind: 'fenced', range })
  } else if (verdict.nextOffset === range.to) {
    outcomes.set(range, { kind: 'duplicate', range })
  } else {
    if (verdict.nextOffset < range.from) {
      events.databaseRewound({ partition, from: range.from, databaseOffset: verdict.nextOffset })
    }
    outcomes.set(range, { kind: 'moved', range, nextOffset: verdict.nextOffset })
  }
  return pending.filter((each) => each !== found)
}

interface Refusal {
  readonly line: number
  readonly sqlstate: string
  readonly error: unknown
}

/** The line counts the rows of all pending ranges, in order, from 1. */
function isolate(
  pending: readonly ReadyRange[],
  refusal: Refusal,
  isolated: Map<PartitionRange, Reject[]>,
  events: Events,
): ReadyRange[] {
  let before = 0
  for (const ready of pending) {
    const index = refusal.line - 1 - before
    const log = index >= 0 ? ready.logs[index] : undefined
    before += ready.logs.length
    if (log === undefined) continue
    const { partition, offset, item, service } = log.event
    const record = ready.range.records.find((each) => each.offset === offset)
    if (record === undefined) break
    const detail = messageOf(refusal.error)
    const reject: Reject = {
      partition,
      offset,
      item,
      reason: 'refused_by_database',
      detail,
      service,
      sqlstate: refusal.sqlstate,
      record,
    }
    events.poisonRow({ partition, offset, sqlstate: refusal.sqlstate })
    isolated.set(ready.range, [...(isolated.get(ready.range) ?? []), reject])
    const without: ReadyRange = {
      ...ready,
      logs: ready.logs.filter((each) => each !== log),
      rejects: [...ready.rejects, reject],
    }
    return pending.map((each) => (each === ready ? without : each))
  }
  throw new ProcessorError(
    'POSTGRES_BROKEN_INVARIANT',
    `PostgreSQL refused line ${refusal.line}, which is not in the batch`,
    { cause: refusal.error },
  )
}
