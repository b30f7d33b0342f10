/** One process's way to PostgreSQL: sessions over a network that loses requests and answers, delays commits, or goes dark. */
import { DEADLINE_MS, DeadlinePassed } from '../../src/postgres/connection.ts'
import type { CopyData } from '../../src/postgres/copy-in.ts'
import type { Session } from '../../src/postgres/session.ts'
import { Backend } from './backend.ts'
import { wholeFile } from './copy-file.ts'
import { type Database, SqlError } from './database.ts'
import type { Dice } from './dice.ts'
import type { SimProcess } from './sim-process.ts'

export class DatabaseWeather {
  way: 'open' | 'dark' = 'open'
  /** Shares of the flushes that meet this fate. */
  lostRequests = 0
  lostAcks = 0
  /** The connection is cut, and the server commits some seconds later all the same. */
  lateCommits = 0
  slow = 0
  errors = 0
  /** Refused like this, whatever is asked: a permission is missing. */
  refusal: string | null = null
  /** The share of COMMITs that find their transaction aborted. */
  spoiledCommits = 0
  /** What happens to the process when it has sent the next claim, or the text of the next flush. */
  atClaim: (() => void) | null = null
  atFlush: (() => void) | null = null
  readonly #healed = new Set<() => void>()

  set(way: DatabaseWeather['way']): void {
    this.way = way
    if (way === 'dark') return
    for (const go of [...this.#healed]) go()
    this.#healed.clear()
  }

  whenLight(act: () => void): void {
    if (this.way === 'open') act()
    else this.#healed.add(act)
  }

  clear(): void {
    Object.assign(this, {
      lostRequests: 0,
      lostAcks: 0,
      lateCommits: 0,
      slow: 0,
      errors: 0,
      refusal: null,
      spoiledCommits: 0,
      atClaim: null,
      atFlush: null,
    })
    this.set('open')
  }
}

const PASSING_ERRORS = [
  '40001',
  '40P01',
  '55P03',
  '57014',
  '53100',
  '53300',
  '25006',
  '57P01',
  '58030',
  'XX000',
] as const

export type Fate = 'served' | 'lost request' | 'lost answer' | 'late commit' | 'slow'

export interface DatabaseLinkParts {
  readonly database: Database
  readonly process: SimProcess
  readonly dice: Dice
  /** Backends of everybody, so that the server can cut them. */
  readonly backends: Set<Backend>
}

export class DatabaseLink {
  readonly weather = new DatabaseWeather()
  readonly #parts: DatabaseLinkParts

  constructor(parts: DatabaseLinkParts) {
    this.#parts = parts
  }

  /** What lanes and the ledger are given for connecting. */
  readonly open = async (): Promise<Session> => {
    const { database, process, dice, backends } = this.#parts
    const { promise, resolve, reject } = Promise.withResolvers<Session>()
    database.schedule.after(dice.between(1, 4), () => {
      if (this.weather.way === 'dark')
        database.schedule.after(5_000, () => process.deliver(() => reject(new Error('timeout expired'))))
      else if (!database.up)
        process.deliver(() => reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })))
      else {
        const backend = new Backend(database)
        backends.add(backend)
        const session = new SimSession(this.#parts, this.weather, backend)
        process.deliver(() => resolve(session))
      }
    })
    return await promise
  }
}

class SimSession implements Session {
  readonly #parts: DatabaseLinkParts
  readonly #weather: DatabaseWeather
  readonly #backend: Backend
  readonly #pending = new Set<(error: unknown) => void>()
  readonly #atEnd: (() => void)[] = []
  #closed = false

  constructor(parts: DatabaseLinkParts, weather: DatabaseWeather, backend: Backend) {
    this.#parts = parts
    this.#weather = weather
    this.#backend = backend
    backend.ended = () => {
      parts.backends.delete(backend)
      this.#later(() => parts.process.deliver(() => this.#end()))
    }
    parts.process.atDeath(() => this.destroy())
  }

  async query<Row>(sql: string, values: unknown[] = []): Promise<{ rows: Row[]; command: string }> {
    const spoiled = /^\s*commit\b/.test(sql) && this.#parts.dice.chance(this.#weather.spoiledCommits)
    if (spoiled) this.#backend.spoilCommit = true
    const answered = this.#ask(() => this.#backend.query(sql, values), 'served')
    if (sql.startsWith('with claimed')) this.#strike('atClaim')
    const answer = await answered
    return { rows: answer.rows as Row[], command: answer.command }
  }

  /** Text there, the server's word that it wants the data back, the data there, and the answer back. */
  async copy(text: string, files: readonly CopyData[]): Promise<void> {
    const refused = this.#refusal()
    if (refused !== null) return await this.#ask(() => Promise.reject(refused), 'served')
    const wanted = this.#ask(() => Promise.resolve(), 'served')
    if (files.length > 0) this.#strike('atFlush')
    await wanted
    // What leaves the process now is what the server gets, whatever is written to the encoder's memory later.
    const sent = files.map(wholeFile)
    await this.#ask(() => this.#backend.flush(text, sent), this.#fate())
  }

  async inTime<T>(work: Promise<T>, deadlineMs: number = DEADLINE_MS): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const { database, process } = this.#parts
    const timer = database.schedule.after(deadlineMs, () =>
      process.deliver(() => {
        reject(new DeadlinePassed(deadlineMs))
        this.destroy()
      }),
    )
    work.catch(() => undefined)
    try {
      return await Promise.race([work, promise])
    } finally {
      database.schedule.cancel(timer)
      promise.catch(() => undefined)
    }
  }

  destroy(): void {
    if (this.#closed) return
    this.#later(() => this.#weather.whenLight(() => this.#backend.clientGone()))
    this.#end()
  }

  async close(): Promise<void> {
    this.destroy()
  }

  onEnd(act: () => void): void {
    this.#atEnd.push(act)
  }

  #strike(where: 'atClaim' | 'atFlush'): void {
    const strike = this.#weather[where]
    this.#weather[where] = null
    strike?.()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    for (const reject of [...this.#pending]) reject(new Error('Connection terminated unexpectedly'))
    this.#pending.clear()
    for (const act of this.#atEnd.splice(0)) act()
  }

  #fate(): Fate {
    const { lostRequests, lostAcks, lateCommits, slow } = this.#weather
    if (lostRequests + lostAcks + lateCommits + slow === 0) return 'served'
    const { dice } = this.#parts
    if (dice.chance(lostRequests)) return 'lost request'
    if (dice.chance(lostAcks)) return 'lost answer'
    if (dice.chance(lateCommits)) return 'late commit'
    return dice.chance(slow) ? 'slow' : 'served'
  }

  #refusal(): SqlError | null {
    const { refusal, errors } = this.#weather
    if (refusal !== null) return new SqlError(refusal, 'permission denied')
    return this.#parts.dice.chance(errors) ? new SqlError(this.#parts.dice.of(PASSING_ERRORS), 'a passing error') : null
  }

  #ask<T>(serve: () => Promise<T>, fate: Fate): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (this.#closed) {
      reject(new Error('Client has encountered a connection error and is not queryable'))
      return promise
    }
    const { process, dice, database } = this.#parts
    this.#pending.add(reject)
    const back = (act: () => void): void =>
      this.#later(() =>
        this.#weather.whenLight(() =>
          process.deliver(() => {
            this.#pending.delete(reject)
            act()
          }),
        ),
      )
    const arrive = (): void => {
      serve().then(
        (answer) => (fate === 'lost answer' ? this.#cut() : back(() => resolve(answer))),
        (error: unknown) => (fate === 'lost answer' ? this.#cut() : back(() => reject(error))),
      )
    }
    this.#later(() => {
      // What was on its way when the client closed may have left it already, or not.
      if (this.#closed && dice.chance(0.5)) return
      if (fate === 'lost request') this.#cut()
      else if (fate === 'late commit') {
        database.schedule.after(dice.chance(0.5) ? dice.between(2, 40) : dice.between(200, 8_000), arrive)
        this.#cut()
      } else if (fate === 'slow') database.schedule.after(dice.between(500, 20_000), arrive)
      else this.#weather.whenLight(arrive)
    })
    return promise
  }

  /** The client sees the connection end. What the server is doing, it does. */
  #cut(): void {
    this.#later(() => this.#parts.process.deliver(() => this.#end()))
    this.#later(() => this.#backend.clientGone())
  }

  #later(act: () => void): void {
    this.#parts.database.schedule.after(this.#parts.dice.between(1, 3), act)
  }
}
