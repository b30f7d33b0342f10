/** The connections for reading, opened when first needed and replaced as a whole when they are suspected to be stuck. */
import type { KafkaTransport, LogTransport } from './transport.ts'

export class LogConnection {
  readonly #transport: KafkaTransport
  #opened: Promise<LogTransport> | null = null

  constructor(transport: KafkaTransport) {
    this.#transport = transport
  }

  /** Rejects as KafkaTransport.openLog does; the next call tries again. */
  get(): Promise<LogTransport> {
    if (this.#opened !== null) return this.#opened
    const opened = this.#transport.openLog()
    this.#opened = opened
    opened.catch(() => {
      if (this.#opened === opened) this.#opened = null
    })
    return opened
  }

  /** Requests under way fail; the next `get` connects anew. */
  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    const log = await opened?.catch(() => null)
    await log?.close().catch(() => undefined)
  }
}
