/**
 * Does harm at random, from a seed, and measures how long each is felt. One fault after the other; or in storms, several at once on
 * different targets, each slot going on without waiting for the others, and a moment of peace after each storm (F30).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, TARGETS } from './fault.ts'
import { STORM } from './faults.ts'
import type { World } from './world.ts'

export interface FaultRecord {
  readonly name: string
  readonly number: string
  readonly lastedMs: number
  /** From its end until every partition had moved on or had nothing left; null: for the whole patience some stood. */
  readonly recoveredMs: number | null
  /** Other faults were there while it lasted or was felt: its recovery says nothing about it alone. */
  readonly beside?: boolean
}

/** What was done: until it is no longer felt. */
interface Harm {
  readonly felt: Promise<unknown>
}

const STORM_MS = 60_000
/** In a storm nobody waits longer than this for the world to move on before harming it again. */
const REST_MS = 4_000
/** Beside a fault in a run of single ones. */
const PAIR_SHARE = 0.25

export class Nemesis {
  readonly #world: World
  readonly #faults: readonly Fault[]
  readonly #density: number
  readonly #say: (line: string) => void
  readonly #active = new Set<Fault>()
  #felt: Promise<void>[] = []
  /** Of those whose harm lasts or is felt: whether they had company. */
  readonly #companies = new Set<{ any: boolean }>()
  readonly records: FaultRecord[] = []

  /** `density`: how many faults there may be at once. */
  constructor(world: World, faults: readonly Fault[], density: number, say: (line: string) => void) {
    this.#world = world
    this.#faults = faults
    this.#density = density
    this.#say = say
  }

  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) await (this.#density > 1 ? this.#storm(untilMs) : this.#blow())
  }

  /** Each fault once, in order. */
  async each(): Promise<void> {
    for (const fault of this.#faults) {
      const missing = fault.missing?.(this.#world) ?? null
      if (missing !== null) {
        this.#say(`left out: ${fault.name} (${missing})`)
        continue
      }
      await this.#act(fault)
      await this.#calm()
      this.#world.heal()
    }
  }

  /** One fault, sometimes two. */
  async #blow(): Promise<void> {
    const { random } = this.#world
    const isPair = random.next() < PAIR_SHARE
    const pair = [this.#next(), ...(isPair ? [sleep(random.below(2_000)).then(() => this.#next())] : [])]
    await Promise.all(pair)
    await this.#calm()
    await this.#peace()
    await sleep(500 + random.below(2_000))
  }

  async #storm(untilMs: number): Promise<void> {
    const startedMs = performance.now()
    const endMs = Math.min(untilMs, startedMs + STORM_MS)
    await Promise.all(Array.from({ length: this.#density }, (_, slot) => this.#slot(slot, endMs)))
    await this.#peace()
    const endedMs = performance.now()
    const { ms, stood } = await this.#world.progress.recovery()
    await this.#calm()
    this.#note({ ...STORM, lastedMs: Math.round(endedMs - startedMs), recoveredMs: stood.length > 0 ? null : ms })
    if (stood.length > 0) await this.#tellStanding(stood)
  }

  async #slot(slot: number, endMs: number): Promise<void> {
    await sleep(slot * 400)
    while (performance.now() < endMs) {
      const { felt } = await this.#next()
      this.#world.fleet.refill(this.#world.options.workers)
      await Promise.race([felt, sleep(REST_MS)])
      await sleep(this.#world.random.below(500))
    }
  }

  async #peace(): Promise<void> {
    this.#world.heal()
    await this.#world.fleet.trim(this.#world.options.workers)
    this.#world.fleet.sample()
  }

  /** Until all that was done is no longer felt. */
  async #calm(): Promise<void> {
    await Promise.all(this.#felt.splice(0))
  }

  /** One fault that those under way leave room for; resolves when it is over. */
  async #next(): Promise<Harm> {
    const fault = this.#pick()
    return fault === null ? { felt: sleep(100) } : await this.#act(fault)
  }

  #pick(): Fault | null {
    const on = (fault: Fault): number => [...this.#active].filter((each) => each.on === fault.on).length
    const room = (fault: Fault): number => (this.#density > 2 ? TARGETS[fault.on] : 1)
    const possible = this.#faults.filter(
      (fault) => on(fault) < room(fault) && !this.#bothers(fault) && (fault.missing?.(this.#world) ?? null) === null,
    )
    const total = possible.reduce((sum, { weight = 2 }) => sum + weight, 0)
    let left = this.#world.random.below(Math.max(1, total))
    for (const fault of possible) {
      left -= fault.weight ?? 2
      if (left < 0) return fault
    }
    return null
  }

  /** One of them has to be alone, and is not. */
  #bothers(fault: Fault): boolean {
    if (fault.alone === true) return this.#density > 1 || this.#active.size > 0
    return [...this.#active].some(({ alone }) => alone === true)
  }

  async #act(fault: Fault): Promise<Harm> {
    const startedMs = performance.now()
    const company = { any: this.#companies.size > 0 }
    for (const each of this.#companies) each.any = true
    this.#companies.add(company)
    this.#active.add(fault)
    try {
      await fault.act(this.#world)
    } catch (error) {
      this.#companies.delete(company)
      // In a storm a worker's or a topic's fault may not come to pass, for the others' sake; what it did to it passes.
      if (this.#density === 1 || fault.on === 'postgres') throw error
      this.#say(`${fault.number.padEnd(4)} ${fault.name}: did not come to pass (${(error as Error).message})`)
      return { felt: Promise.resolve() }
    } finally {
      this.#active.delete(fault)
    }
    const lastedMs = Math.round(performance.now() - startedMs)
    const felt = this.#world.progress.recovery().then(async ({ ms, stood }) => {
      this.#companies.delete(company)
      const recoveredMs = stood.length > 0 ? null : ms
      this.#note({
        name: fault.name,
        number: fault.number,
        lastedMs,
        recoveredMs,
        ...(company.any && { beside: true }),
      })
      if (stood.length > 0) await this.#tellStanding(stood)
    })
    this.#felt.push(felt)
    return { felt }
  }

  #note(record: FaultRecord): void {
    this.records.push(record)
    const { name, number, lastedMs, recoveredMs, beside } = record
    const felt = recoveredMs === null ? 'no progress' : `recovered in ${(recoveredMs / 1000).toFixed(1)} s`
    this.#say(
      `${number.padEnd(4)} ${name}: ${(lastedMs / 1000).toFixed(1)} s, ${felt}${beside === true ? ', beside others' : ''}`,
    )
  }

  async #tellStanding(partitions: readonly number[]): Promise<void> {
    this.#say(`partitions ${partitions.join(', ')} stood still`)
    const rows = await this.#world
      .query('select * from ingest_ledger where part = any($1)', undefined, [partitions])
      .catch(() => [])
    for (const row of rows) this.#say(JSON.stringify(row))
  }
}
