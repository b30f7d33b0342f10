/**
 * The simulated PostgreSQL: rows of the ledger with their locks, transactions that are there whole or not at all, a standby that
 * may take over from an earlier moment. What it understands is in statements.ts; what a commit has to be like, in invariants.ts.
 */
import type { Tally } from '../../src/postgres/tally.ts'
import type { Schedule, Scheduled } from './schedule.ts'

export interface TopicRow {
  readonly id: number
  readonly incarnation: number
  key: string
}

/** How the ledger counts. */
export type Counts = { -readonly [name in keyof Tally]: Tally[name] }

export interface LedgerRow extends Counts {
  readonly incarnation: number
  readonly part: number
  base: number
  next: number
  epoch: number
  owner: string | null
  group: string | null
  seenAtMs: number
  leaderEpoch: number | null
  tailOffset: number | null
  tailTimestamp: number | null
  tailCrc: number | null
}

export interface SnapshotRow {
  readonly atOffset: number
  readonly format: number
  readonly state: Buffer
}

/** One row of logs, as far as anybody here looks at it. */
export interface StoredLog {
  readonly topicId: number
  readonly partition: number
  readonly offset: number
  readonly item: number
  readonly message: string
  readonly score: number
  readonly source: string
  readonly createdMs: number
}
export interface StoredLetter {
  readonly incarnation: number
  readonly partition: number
  readonly offset: number
  readonly item: number
  readonly reason: string
}
export interface StoredGap {
  readonly incarnation: number
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** A service alert, as far as anybody here looks at it. */
export interface StoredAlert {
  readonly incarnation: number
  readonly partition: number
  readonly service: string
}

export interface Advance {
  readonly incarnation: number
  readonly part: number
  readonly epoch: number
  readonly from: number
  readonly to: number
}

/** Everything that one transaction has done. */
export interface Changes {
  readonly ledger: Map<string, LedgerRow>
  readonly topics: TopicRow[]
  readonly snapshots: Map<string, SnapshotRow>
  readonly logs: StoredLog[]
  readonly letters: StoredLetter[]
  readonly gaps: StoredGap[]
  readonly alerts: StoredAlert[]
  /** Logs counted by the aggregates, by partition. */
  readonly counted: Map<number, number>
  readonly advances: Advance[]
}

const keys = new Map<number, string>()

/** The same string every time: equal keys are compared, and hashed, as one. */
export function keyOf(incarnation: number, part: number): string {
  const place = incarnation * 1024 + part
  let key = keys.get(place)
  if (key === undefined) {
    key = `${incarnation}:${part}`
    keys.set(place, key)
  }
  return key
}

export class SqlError extends Error {
  readonly code: string
  readonly detail: string | undefined
  readonly where: string | undefined
  constructor(code: string, message: string, more: { detail?: string; where?: string } = {}) {
    super(message)
    this.code = code
    this.detail = more.detail
    this.where = more.where
  }
}

export class Transaction {
  readonly changes: Changes = {
    ledger: new Map(),
    topics: [],
    snapshots: new Map(),
    logs: [],
    letters: [],
    gaps: [],
    alerts: [],
    counted: new Map(),
    advances: [],
  }
  readonly locks = new Set<string>()
  over = false
}

interface Waiter {
  readonly transaction: Transaction
  readonly go: () => void
  readonly fail: (error: SqlError) => void
  readonly timer: Scheduled | null
}

interface Moment {
  readonly topics: TopicRow[]
  readonly ledger: Map<string, LedgerRow>
  readonly snapshots: Map<string, SnapshotRow>
  readonly counts: ReadonlyMap<string, number>
}

/** What of the protocol this database leaves out: only a mutant says so. */
export interface DatabaseSwitches {
  readonly compareAndSet: boolean
  readonly fencing: boolean
}

export class Database {
  readonly schedule: Schedule
  readonly switches: DatabaseSwitches
  topics: TopicRow[] = []
  ledger = new Map<string, LedgerRow>()
  snapshots = new Map<string, SnapshotRow>()
  /** Rows of logs by topic id and partition, in the order they were committed. */
  readonly logs = new Map<string, StoredLog[]>()
  readonly letters = new Map<string, StoredLetter[]>()
  /** How often a standby has taken over. */
  timeline = 0
  /** Told before the changes are there; throws what must never happen. */
  committing: (changes: Changes) => void = () => undefined
  /** The longest that anybody kept a row of the ledger to himself and did nothing. */
  longestIdleMs = 0
  up = true
  #locks = new Map<string, { holder: Transaction; waiters: Waiter[] }>()
  #sequence = 0
  #standby: Moment | null = null

  constructor(schedule: Schedule, switches: DatabaseSwitches) {
    this.schedule = schedule
    this.switches = switches
  }

  nextId(): number {
    return ++this.#sequence
  }

  /** The row as this transaction sees it: its own version, else the committed one. */
  row(transaction: Transaction, key: string): LedgerRow | undefined {
    return transaction.changes.ledger.get(key) ?? this.ledger.get(key)
  }

  /** The row, locked and ready to be changed. */
  async forUpdate(transaction: Transaction, key: string, lockTimeoutMs: number | null): Promise<LedgerRow | null> {
    if (!this.ledger.has(key) && !transaction.changes.ledger.has(key)) return null
    await this.lock(transaction, key, lockTimeoutMs)
    const row = this.row(transaction, key)
    if (row === undefined) return null
    const mine = transaction.changes.ledger.get(key) ?? { ...row }
    transaction.changes.ledger.set(key, mine)
    return mine
  }

  /** A backend that was ended takes no lock any more, whatever it was in the middle of: nobody would release it. */
  async lock(transaction: Transaction, key: string, timeoutMs: number | null): Promise<void> {
    if (transaction.over) throw new SqlError('57P01', 'terminating connection due to administrator command')
    const held = this.#locks.get(key)
    if (held === undefined) {
      this.#locks.set(key, { holder: transaction, waiters: [] })
      transaction.locks.add(key)
      return
    }
    if (held.holder === transaction) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = {
      transaction,
      go: resolve,
      fail: reject,
      timer:
        timeoutMs === null
          ? null
          : this.schedule.after(timeoutMs, () => {
              held.waiters.splice(held.waiters.indexOf(waiter), 1)
              reject(new SqlError('55P03', 'canceling statement due to lock timeout'))
            }),
    }
    held.waiters.push(waiter)
    try {
      await promise
    } finally {
      if (waiter.timer !== null) this.schedule.cancel(waiter.timer)
    }
  }

  commit(transaction: Transaction): void {
    const { changes } = transaction
    if (transaction.over) return
    this.committing(changes)
    for (const topic of changes.topics) {
      const known = this.topics.findIndex((each) => each.id === topic.id)
      if (known < 0) this.topics.push(topic)
      else this.topics[known] = topic
    }
    for (const [key, row] of changes.ledger) this.ledger.set(key, row)
    for (const [key, snapshot] of changes.snapshots) this.snapshots.set(key, snapshot)
    for (const log of changes.logs) add(this.logs, keyOf(log.topicId, log.partition), log)
    for (const letter of changes.letters) add(this.letters, keyOf(letter.incarnation, letter.partition), letter)
    this.#release(transaction)
  }

  rollback(transaction: Transaction): void {
    if (!transaction.over) this.#release(transaction)
  }

  /** The standby has everything up to now, and nothing after it. */
  standbyCatchesUp(): void {
    this.#standby = {
      topics: this.topics.map((each) => ({ ...each })),
      ledger: new Map([...this.ledger].map(([key, row]) => [key, { ...row }])),
      snapshots: new Map(this.snapshots),
      counts: new Map([...prefixed('logs', this.logs), ...prefixed('letters', this.letters)]),
    }
  }

  get standbyHasLedger(): boolean {
    return this.#standby !== null && this.#standby.ledger.size > 0
  }

  /** The standby takes over: whatever was committed after it had caught up never was. Connections are cut by the caller. */
  failOver(): void {
    const standby = this.#standby
    if (standby === null) return
    this.topics = standby.topics
    this.ledger = standby.ledger
    this.snapshots = standby.snapshots
    for (const [key, logs] of this.logs) logs.length = standby.counts.get(`logs ${key}`) ?? 0
    for (const [key, letters] of this.letters) letters.length = standby.counts.get(`letters ${key}`) ?? 0
    this.timeline++
    this.#standby = null
  }

  #release(transaction: Transaction): void {
    transaction.over = true
    for (const key of transaction.locks) {
      const lock = this.#locks.get(key)
      let next = lock?.waiters.shift()
      while (next?.transaction.over === true) next = lock?.waiters.shift()
      if (lock === undefined || next === undefined) this.#locks.delete(key)
      else {
        lock.holder = next.transaction
        next.transaction.locks.add(key)
        next.go()
      }
    }
    transaction.locks.clear()
    for (const { waiters } of this.#locks.values()) {
      const mine = waiters.find((each) => each.transaction === transaction)
      if (mine === undefined) continue
      waiters.splice(waiters.indexOf(mine), 1)
      mine.fail(new SqlError('57P01', 'terminating connection due to administrator command'))
    }
  }
}

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

function prefixed(name: string, lists: ReadonlyMap<string, readonly unknown[]>): [string, number][] {
  return [...lists].map(([key, list]) => [`${name} ${key}`, list.length])
}
