/** The generator: logs at a steady rate, hostile ones among them, aborted transactions, bursts of poison. What Kafka holds is the truth, not what was sent. */
import { hostileMessages } from '../../src/demo/hostile.ts'
import { Random } from '../../src/demo/random.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { Topic } from './topic.ts'

const SERVICES = 12
const TICK_MS = 50

export interface TrafficOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly partitions: number
  /** Logs a second. */
  readonly rate: number
  readonly seed: number
  /** So many logs in a row go to one partition. @default as the producer has it */
  readonly runMessages?: number
}

export class Traffic {
  readonly #options: TrafficOptions
  readonly #random: Random
  readonly #hostile = hostileMessages().map(({ value }) => value)
  #producer: Producer
  /** Know nothing of partitions that were added since; one of them may be sending. */
  readonly #outdated: Producer[] = []
  readonly #topic: Topic
  #id = 0
  #over = false
  #sent = 0
  #running: Promise<void> = Promise.resolve()
  /** Share of hostile messages; 1 while a burst of poison lasts. */
  hostileShare = 0.005

  private constructor(options: TrafficOptions, producer: Producer) {
    this.#options = options
    this.#random = new Random(options.seed)
    this.#producer = producer
    this.#topic = new Topic(options.brokers, options.topic, options.partitions)
  }

  static async start(options: TrafficOptions): Promise<Traffic> {
    return new Traffic(options, await openFor(options))
  }

  /** Messages that Kafka acknowledged. */
  get sent(): number {
    return this.#sent
  }

  async createTopic(): Promise<void> {
    await this.#producer.createTopic(this.#options.topic, this.#options.partitions)
  }

  begin(): void {
    this.#running = this.#run()
  }

  async end(): Promise<void> {
    this.#over = true
    await this.#running
    for (const producer of [...this.#outdated.splice(0), this.#producer]) await producer.close()
  }

  async close(): Promise<void> {
    await this.end()
    await this.#topic.close()
  }

  /** A transaction of some logs that is given up after so long; until then nothing behind it can be read. */
  async abortedTransaction(holdMs: number): Promise<void> {
    await this.#topic.abortedTransaction(
      Array.from({ length: 20 }, () => this.#log('aborted')),
      holdMs,
    )
  }

  /** Messages near Kafka's limit, one a batch: a long text, or an array of a thousand logs. */
  async sendLarge(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      const logs = Array.from({ length: 1_000 }, () => this.#log('item', 300).toString())
      const value = at % 2 === 0 ? this.#log('long', 900_000) : Buffer.from(`[${logs.join(',')}]`)
      await this.#producer.send(this.#options.topic, [{ value }]).catch(() => undefined)
    }
  }

  async addPartitions(count: number): Promise<void> {
    await this.#topic.grow(count)
    const producer = await openFor(this.#options)
    this.#outdated.push(this.#producer)
    this.#producer = producer
  }

  /** By Kafka's own word. */
  partitions(): Promise<number> {
    return this.#topic.count()
  }

  /** One past the last offset of each partition. */
  ends(): Promise<Map<number, number>> {
    return this.#topic.ends()
  }

  async #run(): Promise<void> {
    let due = performance.now()
    while (!this.#over) {
      const count = Math.round((this.#options.rate * TICK_MS) / 1000)
      const messages = Array.from({ length: count }, () => ({ value: this.#message() }))
      // A send that fails may have stored some of it: sent again, they are other records of Kafka.
      await this.#producer.send(this.#options.topic, messages).then(
        () => {
          this.#sent += count
        },
        () => new Promise((done) => setTimeout(done, 200)),
      )
      due = Math.max(due + TICK_MS, performance.now() - 1_000)
      const rest = due - performance.now()
      if (rest > 0) await new Promise((done) => setTimeout(done, rest))
    }
  }

  #message(): Buffer | null {
    if (this.#random.next() >= this.hostileShare) return this.#log('ok')
    return this.#hostile[this.#random.below(this.#hostile.length)] ?? null
  }

  /** `padding`: so many characters that nobody can compress to nothing, as a part of the text. */
  #log(kind: string, padding = 0): Buffer {
    const random = this.#random
    const id = this.#id++
    const service = `service-${random.below(SERVICES)}`
    const isBad = random.next() < 0.01
    return Buffer.from(
      JSON.stringify({
        service,
        level: isBad ? 'ERROR' : 'INFO',
        message: isBad
          ? `upstream ${random.below(9)} timed out after ${random.below(5000)} ms`
          : `request ${random.hex(8 + padding)} served`,
        latency_ms: Math.round((isBad ? 2_000 : 40) * Math.exp(0.4 * random.normal()) * 100) / 100,
        timestamp: new Date().toISOString(),
        id,
        kind,
      }),
    )
  }
}

/** gzip: every reader has it, the independent one too. */
function openFor({ brokers, runMessages }: TrafficOptions): Promise<Producer> {
  const runs = runMessages === undefined ? {} : { runMessages }
  return openProducer({ brokers, clientId: 'chaos', compression: 'gzip', requestTimeoutMs: 10_000, ...runs })
}
