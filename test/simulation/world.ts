/**
 * A whole simulated world run through one plan: trouble, then everything mended, then the question whether it moves on; at last
 * everybody stops and the table is compared with the truth. Single thread, no timers of the machine, all chance from the seed.
 */
import type { Backend } from './backend.ts'
import { Cluster } from './cluster.ts'
import { Database, type DatabaseSwitches, keyOf, type LedgerRow } from './database.ts'
import { Dice } from './dice.ts'
import { inflict } from './faults.ts'
import { Instance, type Seams } from './instance.ts'
import { Invariants } from './invariants.ts'
import type { PartitionLog } from './partition-log.ts'
import { type Fault, INSTANCES, PARTITIONS, type Plan, type Settings, TROUBLE_MS } from './plan.ts'
import { Producers } from './producers.ts'
import { Schedule, settled } from './schedule.ts'
import { SlowEngine } from './slow-engine.ts'
import { Violation } from './violation.ts'

/** From the moment that everything works again. */
const HEAL_MS = 150_000
/** What a watchdog takes to connect anew; a client that has gone silent may hand its partition to the next such one. */
const SILENT_CLIENT_MS = 90_000
const STOP_MS = 60_000
const STEPS_MAX = 60_000
/** Who holds a row of the ledger lets go of it by then, also when its process is stopped. */
const IDLE_MAX_MS = 12_000

/** One late claimant may steal a partition once, and its owner takes it back. */
const OWNERS_MAX = 6

export interface Mutation {
  readonly seams: Seams
  readonly switches: DatabaseSwitches
}
export const UNCHANGED: Mutation = { seams: {}, switches: { compareAndSet: true, fencing: true } }

export interface Outcome {
  readonly violation: Violation | null
  readonly steps: number
  readonly virtualMs: number
  readonly records: number
  readonly rows: number
  readonly faults: number
  readonly blindScores: number
  /** How often each event was heard. */
  readonly heard: ReadonlyMap<string, number>
}

export class World {
  readonly schedule = new Schedule()
  readonly dice: Dice
  readonly epochSteps: Dice
  readonly engine: SlowEngine
  readonly settings: Settings
  readonly seams: Seams
  readonly cluster: Cluster
  readonly database: Database
  readonly backends = new Set<Backend>()
  readonly invariants: Invariants
  readonly #plan: Plan
  readonly #producers: Producers
  readonly #instances: Instance[]
  readonly #owners = new Map<string, number[]>()
  readonly #heard = new Map<string, number>()
  readonly #endings = new Map<Fault, () => void>()
  readonly #tell: ((line: string) => void) | null
  #violation: Violation | null = null

  constructor(plan: Plan, mutation: Mutation, tell: ((line: string) => void) | null = null) {
    this.#plan = plan
    this.#tell = tell
    this.settings = plan.settings
    this.seams = mutation.seams
    this.dice = new Dice(plan.seed ^ 0x5a5a5a5a)
    this.epochSteps = new Dice(plan.seed ^ 0x3c3c3c3c)
    this.engine = new SlowEngine(plan.seed ^ 0x69696969)
    this.cluster = new Cluster(this.schedule, this.dice, PARTITIONS)
    this.database = new Database(this.schedule, mutation.switches)
    this.invariants = new Invariants(this.cluster, this.database)
    this.database.committing = (changes) => this.check(() => this.invariants.committing(changes))
    this.#producers = new Producers(this.schedule, this.dice)
    this.#instances = Array.from({ length: INSTANCES }, (_, number) => new Instance(this, number))
  }

  async run(): Promise<Outcome> {
    this.#begin()
    await this.#until(() => this.schedule.nowMs >= TROUBLE_MS, Number.POSITIVE_INFINITY)
    await this.#mend()
    if (this.#violation === null) {
      for (const instance of this.#instances) instance.terminate(true)
      if (!(await this.#until(() => this.#instances.every((each) => each.ended), STOP_MS)))
        this.check(() => this.fail('I10', 'a worker that was asked to stop does not'))
      this.check(() => this.invariants.whole())
    }
    for (const instance of this.#instances) instance.process.die()
    await settled()
    return {
      violation: this.#violation,
      steps: this.schedule.steps,
      virtualMs: this.schedule.nowMs,
      records: this.#producers.records,
      rows: this.invariants.rowsCommitted,
      faults: this.#plan.faults.length,
      blindScores: this.invariants.blindScores,
      heard: this.#heard,
    }
  }

  /** Runs a check; what it throws ends the run. */
  check(act: () => void): void {
    if (this.#violation !== null) return
    try {
      act()
    } catch (error) {
      this.#violation =
        error instanceof Violation
          ? error
          : new Violation('simulation', String(error instanceof Error ? error.stack : error))
      this.trace(() => `VIOLATION ${this.#violation?.message}`)
    }
  }

  fail(invariant: string, message: string): never {
    throw new Violation(invariant, message)
  }

  /** A worker ended with an error: some are what was asked for, the others are bugs. */
  exited(code: string, message: string): void {
    if (code === 'KAFKA_STALLED' || code === 'STOP_DEADLINE') this.heard(code)
    else if (code === 'POSTGRES_BROKEN_INVARIANT') this.check(() => this.fail('I3', message))
    else this.check(() => this.fail('I10', `a worker ends with ${code}: ${message}`))
  }

  /** A worker has claimed a partition. Between two divisions of the group nobody takes it back and forth. */
  claimed(worker: number, partition: number): void {
    const key = `${this.cluster.coordinator.generation} ${partition}`
    const owners = this.#owners.get(key) ?? []
    this.#owners.set(key, owners)
    if (owners.at(-1) !== worker) owners.push(worker)
    if (owners.length > OWNERS_MAX)
      this.check(() => this.fail('I5', `partition ${partition} goes back and forth: ${owners}`))
  }

  heard(name: string): void {
    this.#heard.set(name, (this.#heard.get(name) ?? 0) + 1)
  }

  trace(line: () => string): void {
    this.#tell?.(`${(this.schedule.nowMs / 1000).toFixed(3).padStart(8)} ${line()}`)
  }

  instance({ which }: Fault): Instance {
    return this.#instances[which % this.#instances.length]!
  }

  log({ which }: { which: number }): PartitionLog {
    const { partitions } = this.cluster.topic
    return partitions[which % partitions.length]!
  }

  cutDatabase(): void {
    for (const backend of [...this.backends]) backend.terminate()
  }

  /**
   * The database has gone back, perhaps to before what a log has lost: then it can be read again; or to a moment of which nothing can
   * tell any more that the log is another one (docs/exactly-once.md).
   */
  afterFailover(): void {
    this.invariants.retained = true
    for (const log of this.invariants.truncatedBehind) {
      const row = this.#ledgerOf(log)
      const isForgotten = row === undefined || !canTell(row)
      if (log.former !== null && (isForgotten || row.next <= log.former.at)) this.invariants.truncatedBehind.delete(log)
    }
  }

  /** An unclean election loses the end of a log, of which the ledger may have had a part. */
  truncate(log: PartitionLog, luck: number): void {
    const at = log.end - Math.ceil(luck * 10)
    const { end } = log
    const row = this.#ledgerOf(log)
    if ((row !== undefined && !canTell(row)) || !log.truncate(at)) return
    this.trace(() => `partition ${row?.part} is cut from ${end} to ${log.end}, the ledger has ${row?.next}`)
    if (row !== undefined && row.next > log.end) this.invariants.truncatedBehind.add(log)
  }

  #ledgerOf(log: PartitionLog): LedgerRow | undefined {
    const { cluster, database } = this
    const topic = cluster.topics.find(({ partitions }) => partitions.includes(log))
    const pinned = database.topics.find(({ key }) => key === `${cluster.clusterId}:${topic?.id}`)
    return database.ledger.get(keyOf(pinned?.incarnation ?? -1, topic?.partitions.indexOf(log) ?? -1))
  }

  #begin(): void {
    const { settings } = this.#plan
    for (const [part, log] of this.cluster.topic.partitions.entries()) {
      if (settings.before > 0)
        this.#producers.produce(log, { kind: 'plain', count: settings.before, atMs: 0, partition: part, forMs: 0 })
      if (settings.groupOffset !== null) this.cluster.coordinator.committed.set(part, settings.groupOffset)
    }
    for (const instance of this.#instances) this.schedule.after(this.dice.between(0, 3_000), () => instance.start())
    for (const production of this.#plan.productions)
      this.schedule.after(production.atMs, () =>
        this.#producers.produce(this.log({ which: production.partition }), production),
      )
    for (const fault of this.#plan.faults) this.schedule.after(fault.atMs, () => this.#inflict(fault))
  }

  #inflict(fault: Fault): void {
    const end = inflict(this, fault)
    if (end === undefined) return
    this.#endings.set(fault, end)
    this.schedule.after(fault.forMs, () => this.#endFault(fault))
  }

  #endFault(fault: Fault): void {
    const end = this.#endings.get(fault)
    this.#endings.delete(fault)
    if (end === undefined) return
    this.trace(() => `over: ${fault.kind}`)
    end()
  }

  async #mend(): Promise<void> {
    if (this.#violation !== null) return
    for (const fault of [...this.#endings.keys()]) this.#endFault(fault)
    for (const { database, kafka } of this.#instances) {
      database.weather.clear()
      kafka.weather.set('open')
    }
    this.trace(() => 'everything is mended')
    for (const log of this.cluster.topic.partitions) {
      log.endAllTransactions('commit', this.schedule.nowMs)
      this.#producers.produce(log, { kind: 'plain', count: 1, atMs: 0, partition: 0, forMs: 0 })
    }
    const silent = this.#instances.filter(({ kafka }) => kafka.weather.silent.size > 0).length
    if (!(await this.#until(() => this.#caughtUp(), HEAL_MS + SILENT_CLIENT_MS * Math.max(0, silent - 1))))
      this.check(() => this.fail('I10', `stuck: ${this.#behind().join(', ')}`))
    this.check(() => {
      const { longestIdleMs } = this.database
      if (longestIdleMs > IDLE_MAX_MS)
        this.fail('I10', `a row of the ledger was held for ${longestIdleMs} ms by somebody idle`)
    })
  }

  #caughtUp(): boolean {
    return this.cluster.topic.partitions.every((log, part) => this.#upToDate(log, this.#nextOf(part)))
  }

  /** Partitions of the topic as it is that are not stored to their end. */
  #behind(): string[] {
    return this.cluster.topic.partitions.flatMap((log, part) => {
      const next = this.#nextOf(part)
      return this.#upToDate(log, next) ? [] : [`${part} at ${next} of ${log.stable}`]
    })
  }

  /** Stored to its end, or where an operator has to decide. */
  #upToDate(log: PartitionLog, next: number): boolean {
    return next === log.stable || this.invariants.truncatedBehind.has(log) || this.#lostItsBeginning(log)
  }

  /** Cut to before the place where it was pinned, while a failover had taken the pin back. */
  #lostItsBeginning(log: PartitionLog): boolean {
    const row = this.#ledgerOf(log)
    if (row === undefined || row.tailOffset !== null || row.leaderEpoch === null) return false
    return log.epochEnd(row.leaderEpoch) < row.base
  }

  /** Where the ledger stands in the topic as it is; -1 where it knows nothing of it. */
  #nextOf(part: number): number {
    const { cluster, database } = this
    const name = `${cluster.clusterId}:${cluster.topic.id}`
    const pinned = database.topics.find(({ key }) => key === '' || key === name)
    return pinned === undefined ? -1 : (database.ledger.get(keyOf(pinned.incarnation, part))?.next ?? -1)
  }

  /** Steps until the condition holds or the time is over; true where it holds. */
  async #until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const { schedule } = this
    const endMs = schedule.nowMs + withinMs
    let holds = false
    await schedule.run(() => {
      if (this.#violation !== null) return true
      holds = condition()
      if (holds || schedule.nowMs > endMs) return true
      if (schedule.steps > STEPS_MAX) this.check(() => this.fail('I10', `more than ${STEPS_MAX} steps`))
      return false
    })
    return holds || this.#violation !== null || condition()
  }
}

/** Whether the ledger knows of a leader's epoch that a log cut below its position has ended earlier. */
function canTell({ tailOffset, leaderEpoch, base, next }: LedgerRow): boolean {
  return tailOffset !== null || (leaderEpoch !== null && next === base)
}
