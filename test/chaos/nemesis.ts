/** Does harm at random, from a seed: one fault, sometimes two at once, then a moment of peace; and measures how long each is felt. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import { FAULTS } from './faults.ts'
import type { World } from './world.ts'

export interface FaultRecord {
  readonly name: string
  readonly number: string
  readonly lastedMs: number
  /** From its end until every partition had moved on or had nothing left; null: for the whole patience none of those that stood did. */
  readonly recoveredMs: number | null
}

/** Longer than the watchdog's own on a machine that is busy elsewhere. */
const PATIENCE_MS = 90_000
const TOGETHER_SHARE = 0.25

export class Nemesis {
  readonly #world: World
  readonly #faults: readonly Fault[]
  readonly #say: (line: string) => void
  readonly records: FaultRecord[] = []

  constructor(world: World, faults: readonly Fault[], say: (line: string) => void) {
    this.#world = world
    this.#faults = faults
    this.#say = say
  }

  async run(untilMs: number): Promise<void> {
    const { random } = this.#world
    while (performance.now() < untilMs) {
      const first = this.#pick(null)
      const second = random.next() < TOGETHER_SHARE ? this.#pick(first) : null
      await Promise.all([
        this.#act(first),
        ...(second === null ? [] : [sleep(random.below(2_000)).then(() => this.#act(second))]),
      ])
      this.#world.heal()
      this.#world.fleet.sample()
      await sleep(500 + random.below(2_000))
    }
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
      this.#world.heal()
    }
  }

  #pick(beside: Fault | null): Fault {
    const possible = this.#faults.filter(
      (fault) => fault.on !== beside?.on && (fault.missing?.(this.#world) ?? null) === null,
    )
    const total = possible.reduce((sum, { weight = 2 }) => sum + weight, 0)
    let left = this.#world.random.below(total)
    for (const fault of possible) {
      left -= fault.weight ?? 2
      if (left < 0) return fault
    }
    throw new Error('there is no fault to choose')
  }

  async #act(fault: Fault): Promise<void> {
    const startedMs = performance.now()
    await fault.act(this.#world)
    const lastedMs = Math.round(performance.now() - startedMs)
    const recoveredMs = await this.#recovery()
    this.records.push({ name: fault.name, number: fault.number, lastedMs, recoveredMs })
    const felt =
      recoveredMs === null
        ? `no progress within ${PATIENCE_MS / 1000} s`
        : `recovered in ${(recoveredMs / 1000).toFixed(1)} s`
    this.#say(`${fault.number.padEnd(4)} ${fault.name}: ${(lastedMs / 1000).toFixed(1)} s, ${felt}`)
  }

  /** Those of them that have something left to store. */
  async #waiting(partitions: readonly number[], at: ReadonlyMap<number, number>): Promise<number[]> {
    const ends = await this.#world.traffic.ends().catch(() => null)
    return partitions.filter((part) => (at.get(part) ?? -1) < (ends?.get(part) ?? Number.POSITIVE_INFINITY))
  }

  async #recovery(): Promise<number | null> {
    const startedMs = performance.now()
    const world = this.#world
    let before: Map<number, number> | null = null
    let stood: number[] = []
    let movedMs = startedMs
    while (performance.now() - movedMs < PATIENCE_MS) {
      const now = await world.ledger().catch(() => null)
      if (now !== null && before !== null) {
        const unmoved = [...before].filter(([part, next]) => now.get(part) === next).map(([part]) => part)
        const stand = unmoved.length === 0 ? [] : await this.#waiting(unmoved, now)
        if (stand.length === 0) return Math.round(performance.now() - startedMs)
        if (stand.length !== stood.length) movedMs = performance.now()
        stood = stand
      }
      before ??= now
      await sleep(stood.length === 0 ? 100 : 300)
    }
    this.#say(`partitions ${stood.join(', ')} stood still`)
    const rows = await world
      .query('select * from ingest_ledger where part = any($1)', undefined, [stood])
      .catch(() => [])
    for (const row of rows) this.#say(JSON.stringify(row))
    return null
  }
}

export const faultsNamed = (names: readonly string[]): Fault[] =>
  FAULTS.filter(
    ({ name, number }) => names.length === 0 || names.some((each) => number === each || name.includes(each)),
  )
