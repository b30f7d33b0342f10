/**
 * What to do about the outcome of a flush: the decisions, apart from the sockets. One attempt is one transaction over the
 * ranges still pending.
 *
 *   committed       every pending range is stored
 *   fenced          that partition has another owner: leave it out, try the rest again
 *   stale           the ledger stands elsewhere. At our end: an earlier attempt of ours had committed and its answer was lost.
 *                   Before our start: the database was rewound (failover, restore). Otherwise somebody else got there.
 *   missing         the ledger's row is gone: the database went back to before it was pinned; the source finds out which
 *   poison          PostgreSQL named the row: it becomes a dead letter, the rest is tried again (poison.ts)
 *   retry           the world is broken: the same again after a backoff, for ever. Never the ledger is asked what happened:
 *                   the attempt whose answer was lost may commit after we have looked.
 *   configuration   not ready until an operator acts; retried slowly
 *   broken          a bug: the process must stop
 */
import { isRetriable, messageOf, ProcessorError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { CommitOutcome, PartitionRange, ReadyRange } from '../pipeline.ts'
import { BY_LINE_MAX, bisect, logAtLine, type Refusal, refusedMax, withoutRefused } from './poison.ts'
import { classify, sqlMessage, type Verdict } from './sql-errors.ts'

export interface Transactions {
  /** One transaction; answers the ids that were reserved for the rows, or null. Rejects with the database's error. */
  readonly attempt: (ranges: readonly ReadyRange[]) => Promise<readonly number[] | null>
  /** Sends only the rows, and undoes it. Rejects with the database's error. */
  readonly rehearse: (ranges: readonly ReadyRange[]) => Promise<void>
}

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
/** Where there is no connection a try costs next to nothing, and a database that is back is to be used at once. */
const BACKOFF_AWAY_MAX_MS = 1_000
const UNDEFINED_COLUMN = '42703'

/** One outcome a range, in the order given. */
export function flush(
  ranges: readonly ReadyRange[],
  transactions: Transactions,
  world: FlushWorld,
): Promise<CommitOutcome[]> {
  return new Flush(ranges, transactions, world).run()
}

type Failure = Extract<Verdict, { kind: 'retry' | 'configuration' }>

class Flush {
  readonly #ranges: readonly ReadyRange[]
  readonly #transactions: Transactions
  readonly #world: FlushWorld
  readonly #outcomes = new Map<PartitionRange, CommitOutcome>()
  readonly #refusedMax: number
  #pending: readonly ReadyRange[]
  #refused = 0
  #failures = 0

  constructor(ranges: readonly ReadyRange[], transactions: Transactions, world: FlushWorld) {
    this.#ranges = ranges
    this.#pending = ranges
    this.#transactions = transactions
    this.#world = world
    this.#refusedMax = refusedMax(ranges.reduce((sum, { logs }) => sum + logs.length, 0))
  }

  async run(): Promise<CommitOutcome[]> {
    while (this.#pending.length > 0) {
      try {
        this.#settle(await this.#transactions.attempt(this.#pending))
      } catch (error) {
        await this.#after(error)
      }
    }
    return this.#ranges.map(({ range }) => this.#outcomes.get(range) ?? { kind: 'fenced', range })
  }

  async #after(error: unknown): Promise<void> {
    const verdict = judge(error)
    switch (verdict.kind) {
      case 'fenced':
      case 'stale':
        this.#failures = 0
        this.#pending = leaveOut(this.#pending, verdict, this.#outcomes, this.#world.events)
        return
      case 'missing':
        for (const { range } of this.#pending) {
          this.#world.events.databaseRewound({ partition: range.partition, from: range.from, databaseOffset: -1 })
          this.#outcomes.set(range, { kind: 'moved', range, nextOffset: -1 })
        }
        this.#pending = []
        return
      case 'poison':
        return this.#isolate(verdict, error)
      default:
        return this.#wait(verdict, error)
    }
  }

  #settle(ids: readonly number[] | null): void {
    this.#world.found('ready', null)
    let at = 0
    for (const { range, logs, rejects } of this.#pending) {
      const logIds = ids === null ? null : ids.slice(at, at + logs.length)
      at += logs.length
      const given = this.#ranges.find((each) => each.range === range)?.rejects.length ?? 0
      this.#outcomes.set(range, { kind: 'committed', range, refused: rejects.slice(given), logIds })
    }
    this.#pending = []
  }

  async #isolate(verdict: Extract<Verdict, { kind: 'poison' }>, error: unknown): Promise<void> {
    const { events } = this.#world
    if (this.#refused < BY_LINE_MAX) {
      const refusals = new Map([[logAtLine(this.#pending, verdict.line), { sqlstate: verdict.sqlstate, error }]])
      this.#refused += 1
      this.#pending = withoutRefused(this.#pending, refusals, events)
      return
    }
    const refusals = await bisect(this.#pending, (rows) => this.#tryRows(rows), this.#refusedMax - this.#refused)
    if (refusals === null) {
      // So many at once: the schema is at fault, and nothing of this batch becomes a dead letter.
      this.#pending = this.#ranges.filter(({ range }) => !this.#outcomes.has(range))
      this.#refused = 0
      return this.#wait({ kind: 'configuration', sqlstate: verdict.sqlstate }, error)
    }
    this.#refused += refusals.size
    this.#pending = withoutRefused(this.#pending, refusals, events)
  }

  async #tryRows(rows: readonly ReadyRange[]): Promise<Refusal | null> {
    for (;;) {
      try {
        await this.#transactions.rehearse(rows)
        return null
      } catch (error) {
        const verdict = judge(error)
        if (verdict.kind === 'poison') return { sqlstate: verdict.sqlstate, error }
        if (verdict.kind === 'fenced' || verdict.kind === 'stale' || verdict.kind === 'missing') throw error
        await this.#wait(verdict, error)
      }
    }
  }

  async #wait(verdict: Failure, error: unknown): Promise<void> {
    const { events, found, random, signal, sleep } = this.#world
    let retryInMs = BACKOFF_MAX_MS
    if (verdict.kind === 'configuration') {
      found('refused', error)
      events.postgresRefused({ error, retryInMs })
    } else {
      // Full jitter: after an outage everybody comes back at once otherwise.
      const most = hasNoConnection(verdict.sqlstate) ? BACKOFF_AWAY_MAX_MS : BACKOFF_MAX_MS
      retryInMs = Math.round(random() * Math.min(most, BACKOFF_FIRST_MS * 2 ** Math.min(this.#failures++, 10)))
      found('retrying', error)
      const away = isAway(verdict.sqlstate)
      events.flushRetried({ sqlstate: verdict.sqlstate, away, error })
      if (away) events.postgresUnavailable({ error, retryInMs })
    }
    if (!signal.aborted) await sleep(retryInMs, signal).catch(() => undefined)
    if (!signal.aborted) return
    const text = `a batch could not be stored before the stop's deadline: ${messageOf(error)}`
    throw new ProcessorError('STOP_DEADLINE', text, { cause: error })
  }
}

/** Throws what ends the process; the rest is a verdict to act on. */
function judge(error: unknown): Exclude<Verdict, { kind: 'broken' }> {
  // Found by this connection before PostgreSQL could say it: a column has gone since the start.
  if (error instanceof ProcessorError && error.code === 'SCHEMA_NOT_MIGRATED')
    return { kind: 'configuration', sqlstate: UNDEFINED_COLUMN }
  if (error instanceof ProcessorError && !isRetriable(error)) throw error
  const verdict = classify(error)
  if (verdict.kind !== 'broken') return verdict
  throw new ProcessorError('POSTGRES_BROKEN_INVARIANT', sqlMessage(error), { cause: error })
}

/** Nobody there, or a server that starts or stops: nothing of the batch was sent, or all of it is lost. */
function hasNoConnection(sqlstate: string | null): boolean {
  return sqlstate === null || /^57P0/.test(sqlstate)
}

/** No connection, or a server that starts, stops or has no room; not a deadlock or a cancelled statement. */
function isAway(sqlstate: string | null): boolean {
  return sqlstate === null || (/^(08|53|57|58)/.test(sqlstate) && sqlstate !== '57014')
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
