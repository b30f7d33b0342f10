/** The steady stream of a proof: so many messages a second, one partition after the other, every answer noted. */
import { messageOf } from '../errors.ts'
import type { Producer } from '../kafka/producer.ts'
import { proofMessage } from './messages.ts'

export interface LoadOptions {
  readonly producer: Pick<Producer, 'sendTo'>
  readonly topic: string
  readonly partitions: number
  readonly seed: number
  /** Messages a second. */
  readonly rate: number
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<unknown>
  /** By partition: what is stored, the offset after the last; null where nobody can say. */
  readonly stored: () => Promise<ReadonlyMap<number, number> | null>
}

const TICK_MS = 50
const AFTER_FAILURE_MS = 250
/** No fault lasts so long: further behind, it is the machine that can't keep up, and waiting proves more than a backlog. */
const BEHIND_MAX_S = 20
const LOOK_EVERY_MS = 1_000

export class Load {
  readonly #options: LoadOptions
  /** By number: 1 where Kafka said that it is stored. */
  #acked = new Uint8Array(1 << 16)
  /** By partition: the offset after the last that Kafka said is stored. */
  readonly ends: number[]
  sent = 0
  ackedCount = 0
  /** Sends that failed: stored or not, nobody knows. */
  failures = 0
  lastFailure: string | null = null
  /** Time in which nothing was sent, because too much was not stored yet. */
  heldBackMs = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.ends = Array.from({ length: options.partitions }, () => 0)
  }

  /** Until the signal aborts. Never rejects: a Kafka that is away is part of the proof. */
  async run(signal: AbortSignal): Promise<void> {
    const { rate, clock, sleep } = this.#options
    const startedMs = clock()
    let dueFrom = 0
    let lookAtMs = startedMs + LOOK_EVERY_MS
    while (!signal.aborted) {
      const due = Math.floor(((clock() - startedMs) * rate) / 1000) - dueFrom
      // After a long wait nothing is made up for: a flood is not a steady stream.
      const count = Math.min(due, rate)
      dueFrom += due
      if (count > 0) await this.#send(count)
      await sleep(TICK_MS)
      if (clock() < lookAtMs) continue
      if (await this.#tooFarBehind()) {
        const heldMs = clock()
        while (!signal.aborted && (await this.#tooFarBehind())) await sleep(LOOK_EVERY_MS)
        this.heldBackMs += clock() - heldMs
        dueFrom = Math.floor(((clock() - startedMs) * rate) / 1000)
      }
      lookAtMs = clock() + LOOK_EVERY_MS
    }
  }

  isAcked(number: number): boolean {
    return this.#acked[number] === 1
  }

  async #tooFarBehind(): Promise<boolean> {
    const stored = await this.#options.stored()
    if (stored === null) return false
    const behind = this.ends.reduce((sum, end, partition) => sum + Math.max(0, end - (stored.get(partition) ?? 0)), 0)
    return behind > BEHIND_MAX_S * this.#options.rate
  }

  async #send(count: number): Promise<void> {
    const { partitions, seed, producer, topic } = this.#options
    const from = this.sent
    this.sent += count
    const shares = Array.from({ length: partitions }, (): number[] => [])
    for (let number = from; number < from + count; number++) shares[number % partitions]?.push(number)
    const outcomes = await Promise.allSettled(
      shares.map(async (numbers, partition) => {
        if (numbers.length === 0) return
        const first = await producer.sendTo(
          topic,
          partition,
          numbers.map((number) => proofMessage(seed, number)),
        )
        for (const number of numbers) this.#ack(number)
        this.ends[partition] = Math.max(this.ends[partition] ?? 0, first + numbers.length)
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    this.failures++
    this.lastFailure = messageOf(failed.reason)
    await this.#options.sleep(AFTER_FAILURE_MS)
  }

  #ack(number: number): void {
    if (number >= this.#acked.length) {
      const larger = new Uint8Array(Math.max(number + 1, this.#acked.length * 2))
      larger.set(this.#acked)
      this.#acked = larger
    }
    this.#acked[number] = 1
    this.ackedCount++
  }
}
