/** The steady stream of a proof: so many messages a second, one partition after the other, every answer noted. */
import { setTimeout as sleep } from 'node:timers/promises'
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
}

const TICK_MS = 50
const AFTER_FAILURE_MS = 250

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

  constructor(options: LoadOptions) {
    this.#options = options
    this.ends = Array.from({ length: options.partitions }, () => 0)
  }

  /** Until the signal aborts. Never rejects: a Kafka that is away is part of the proof. */
  async run(signal: AbortSignal): Promise<void> {
    const { rate, clock } = this.#options
    const startedMs = clock()
    let dueFrom = 0
    while (!signal.aborted) {
      const due = Math.floor(((clock() - startedMs) * rate) / 1000) - dueFrom
      // After a long wait nothing is made up for: a flood is not a steady stream.
      const count = Math.min(due, rate)
      dueFrom += due
      if (count > 0) await this.#send(count)
      await sleep(TICK_MS)
    }
  }

  isAcked(number: number): boolean {
    return this.#acked[number] === 1
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
    await sleep(AFTER_FAILURE_MS)
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
