/** A backend of the simulated PostgreSQL: one connection's transactions, one request at a time, whatever became of the client. */
import { type Database, SqlError, Transaction } from './database.ts'
import { executeFlush } from './flush-statements.ts'
import { type Answer, execute } from './statements.ts'

const IDLE_TIMEOUT = 'idle_in_transaction_session_timeout'

export class Backend {
  readonly #database: Database
  readonly #settings = new Map<string, number>()
  #transaction: Transaction | null = null
  #aborted = false
  #busy = 0
  #turn: Promise<unknown> = Promise.resolve()
  #idle: { cancel: () => void } | null = null
  #clientGone = false
  #idleSinceMs = -1
  closed = false
  /** Told when the server ends the connection by itself. */
  ended: () => void = () => undefined
  /** The next COMMIT finds its transaction aborted, as if an error had been swallowed on the way. */
  spoilCommit = false

  constructor(database: Database) {
    this.#database = database
  }

  query(sql: string, values: readonly unknown[]): Promise<Answer> {
    return this.#inTurn(() => this.#query(sql, values))
  }

  /** The simple query of a flush: all of it or nothing; a part of the transaction where one is open. */
  flush(text: string, files: readonly Buffer[]): Promise<void> {
    return this.#inTurn(async () => {
      const given = this.#transaction
      if (given !== null)
        return await executeFlush(
          { database: this.#database, transaction: given, settings: this.#settings },
          text,
          files,
        )
      const transaction = new Transaction()
      this.#transaction = transaction
      try {
        await executeFlush({ database: this.#database, transaction, settings: this.#settings }, text, files)
        if (transaction.over) throw terminated()
        if (/\brollback\b/.test(text)) this.#database.rollback(transaction)
        else this.#database.commit(transaction)
      } catch (error) {
        this.#database.rollback(transaction)
        throw error
      } finally {
        this.#transaction = null
      }
    })
  }

  /** The client's end of the connection is closed: noticed when nothing is being done. */
  clientGone(): void {
    this.#clientGone = true
    if (this.#busy === 0) this.terminate()
  }

  /** By an administrator, or because the server crashed: nothing of the transaction stays. */
  terminate(): void {
    if (this.closed) return
    this.closed = true
    this.#idle?.cancel()
    this.#wakes()
    if (this.#transaction !== null) this.#database.rollback(this.#transaction)
    this.#transaction = null
    this.ended()
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    this.#busy++
    const mine = (async () => {
      await before.catch(() => undefined)
      if (this.closed) throw terminated()
      this.#idle?.cancel()
      this.#idle = null
      this.#wakes()
      try {
        const answer = await work()
        if (this.closed) throw terminated()
        return answer
      } finally {
        this.#busy--
        if (this.#clientGone && this.#busy === 0) this.terminate()
        else this.#watchIdle()
      }
    })()
    this.#turn = mine
    return await mine
  }

  async #query(sql: string, values: readonly unknown[]): Promise<Answer> {
    const command = /^\s*(begin|commit|rollback)\b/.exec(sql)?.[1]
    if (command === 'begin') {
      this.#transaction = new Transaction()
      this.#aborted = false
      this.#settings.clear()
      return { rows: [], command: 'BEGIN' }
    }
    if (command !== undefined) return this.#end(command)
    if (this.#transaction !== null) return await this.#inTransaction(this.#transaction, sql, values)
    const transaction = new Transaction()
    this.#transaction = transaction
    try {
      const answer = await execute({ database: this.#database, transaction, settings: new Map() }, sql, values)
      if (transaction.over) throw terminated()
      this.#database.commit(transaction)
      return answer
    } finally {
      this.#database.rollback(transaction)
      this.#transaction = null
    }
  }

  async #inTransaction(transaction: Transaction, sql: string, values: readonly unknown[]): Promise<Answer> {
    if (this.#aborted) throw new SqlError('25P02', 'current transaction is aborted')
    try {
      return await execute({ database: this.#database, transaction, settings: this.#settings }, sql, values)
    } catch (error) {
      this.#aborted = true
      throw error
    }
  }

  #end(command: string): Answer {
    const transaction = this.#transaction
    this.#transaction = null
    const undone = this.#aborted || this.spoilCommit || command === 'rollback'
    this.spoilCommit = false
    this.#aborted = false
    if (transaction === null) return { rows: [], command: command.toUpperCase() }
    if (undone) this.#database.rollback(transaction)
    else this.#database.commit(transaction)
    return { rows: [], command: undone ? 'ROLLBACK' : 'COMMIT' }
  }

  /** How long it has kept rows of the ledger and done nothing. */
  #wakes(): void {
    const { schedule } = this.#database
    if (this.#idleSinceMs >= 0 && (this.#transaction?.locks.size ?? 0) > 0)
      this.#database.longestIdleMs = Math.max(this.#database.longestIdleMs, schedule.nowMs - this.#idleSinceMs)
    this.#idleSinceMs = -1
  }

  #watchIdle(): void {
    this.#idleSinceMs = this.#database.schedule.nowMs
    const limitMs = this.#settings.get(IDLE_TIMEOUT)
    if (this.#transaction === null || limitMs === undefined || this.closed) return
    const { schedule } = this.#database
    const timer = schedule.after(limitMs, () => this.terminate())
    this.#idle = { cancel: () => schedule.cancel(timer) }
  }
}

function terminated(): SqlError {
  return new SqlError('57P01', 'terminating connection due to administrator command')
}
