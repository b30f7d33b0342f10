/**
 * One connection to one broker address, opened on the first request and again after it broke. The client library does the
 * framing; what it leaves open is decided here: a deadline for every request, an abort that doesn't wait for the broker,
 * errors in this program's words, and broker error codes returned as data (the library throws them).
 */
import { Connection, ResponseError } from '@platformatic/kafka'
import { messageOf, ProcessorError } from '../errors.ts'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export interface ConnectionLimits {
  readonly clientId: string
  /** Longest wait for an answer, beyond what the request itself asks the broker to wait. */
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
}

export interface AskOptions {
  /** Time that the broker may hold the request back on purpose: long polls, joins. */
  readonly heldMs?: number
  readonly signal?: AbortSignal
}

/** The library's own timer, out of the way: the deadline is ours. The longest time that setTimeout takes. */
const NEVER_MS = 2 ** 31 - 1
const INFLIGHT_MAX = 64

export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #limits: ConnectionLimits
  #opened: Connection | null = null
  #opening: Promise<Connection> | null = null
  #closed = false
  /** Ends everything that waits, for close(). */
  readonly #waiting = new Set<(why: string) => void>()

  constructor(address: BrokerAddress, limits: ConnectionLimits) {
    this.address = address
    this.#limits = limits
  }

  /**
   * Sends one request. Rejects with KAFKA_UNAVAILABLE (network, deadline, abort, closed), KAFKA_REFUSED (authentication, TLS)
   * or KAFKA_PROTOCOL (an answer that can't be read). A deadline or an abort breaks the connection, as what is in flight on
   * it would hold up everything behind.
   */
  async ask<T>(request: (connection: Connection) => Promise<T>, options: AskOptions = {}): Promise<T> {
    if (options.signal?.aborted) throw this.#unavailable('the request was aborted')
    try {
      const connection = await this.#connected(options.signal)
      const timeoutMs = this.#limits.requestTimeoutMs + (options.heldMs ?? 0)
      return await this.#bounded(answered(request(connection)), connection, timeoutMs, options.signal)
    } catch (error) {
      throw this.#translated(error)
    }
  }

  close(): void {
    this.#closed = true
    for (const giveUp of [...this.#waiting]) giveUp('the connection was closed')
    if (this.#opened !== null) this.#drop(this.#opened)
  }

  async #connected(signal?: AbortSignal): Promise<Connection> {
    if (this.#closed) throw this.#unavailable('the connection was closed')
    if (this.#opened?.isConnected()) return this.#opened
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = null
    })
    // An abort leaves the opening to whoever asks next.
    return this.#bounded(this.#opening, null, 2 * this.#limits.connectTimeoutMs, signal)
  }

  async #connect(): Promise<Connection> {
    const { clientId, connectTimeoutMs } = this.#limits
    const connection = new Connection(clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: NEVER_MS,
      maxInflights: INFLIGHT_MAX,
    })
    connection.on('error', () => undefined) // told again by the requests that fail
    this.#opened = connection
    const { host, port } = this.address
    // The library forgets its callback in rare orders of events; the deadline doesn't.
    await this.#bounded(Promise.resolve(connection.connect(host, port)), connection, connectTimeoutMs + 100)
    return connection
  }

  #bounded<T>(work: Promise<T>, connection: Connection | null, timeoutMs: number, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(giveUp)
        signal?.removeEventListener('abort', abort)
      }
      const giveUp = (why: string): void => {
        settle()
        if (connection !== null) this.#drop(connection)
        reject(this.#unavailable(why))
      }
      const abort = (): void => giveUp('the request was aborted')
      const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs} ms`), timeoutMs)
      this.#waiting.add(giveUp)
      signal?.addEventListener('abort', abort)
      work.then(
        (value) => {
          settle()
          resolve(value)
        },
        (error: unknown) => {
          settle()
          reject(error)
        },
      )
    })
  }

  #drop(connection: Connection): void {
    if (this.#opened === connection) this.#opened = null
    // `socket` is undefined, whatever its type says, until connect was called; close() may never call back.
    if (connection.socket !== undefined) connection.socket.destroy()
  }

  #unavailable(why: string): ProcessorError {
    return new ProcessorError('KAFKA_UNAVAILABLE', `${this.address.host}:${this.address.port}: ${why}`)
  }

  #translated(error: unknown): ProcessorError {
    if (error instanceof ProcessorError) return error
    const codes: string[] = []
    let text = ''
    for (let each: unknown = error; each instanceof Error && codes.length < 5; each = each.cause) {
      if ('code' in each && typeof each.code === 'string') codes.push(each.code)
      text += text === '' ? messageOf(each) : `: ${messageOf(each)}`
    }
    const message = `${this.address.host}:${this.address.port}: ${text === '' ? messageOf(error) : text}`
    const refused = ['PLT_KFK_AUTHENTICATION', 'PLT_KFK_USER', 'PLT_KFK_UNSUPPORTED_API', 'PLT_KFK_UNSUPPORTED']
    if (codes.some((code) => refused.includes(code))) {
      return new ProcessorError('KAFKA_REFUSED', message, { cause: error })
    }
    const network = ['PLT_KFK_NETWORK', 'PLT_KFK_TIMEOUT', 'PLT_KFK_UNEXPECTED_CORRELATION_ID']
    const code = codes.some((each) => network.includes(each)) ? 'KAFKA_UNAVAILABLE' : 'KAFKA_PROTOCOL'
    return new ProcessorError(code, message, { cause: error })
  }
}

/** The answer, also where the library throws because there is an error code in it. */
async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof ResponseError && error['response'] !== undefined) return error['response']
    throw error
  }
}
