/**
 * One connection to one broker address, opened on the first request and again after it broke. The client library does the
 * framing; what it leaves open is decided here: a deadline for every request, an abort that doesn't wait for the broker,
 * errors in this program's words, and broker error codes returned as data (the library throws them).
 */
import { Connection, ResponseError } from '@platformatic/kafka'
import { ProcessorError } from '../errors.ts'
import { connectionError } from './connection-errors.ts'
import { type ConnectionSecurity, PLAIN_TEXT, securityOptions } from './connection-security.ts'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export interface ConnectionLimits {
  readonly clientId: string
  /** Longest wait for an answer, beyond what the request itself asks the broker to wait. */
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
  /** @default PLAIN_TEXT */
  readonly security?: ConnectionSecurity
}

export interface AskOptions {
  /** Time that the broker may hold the request back on purpose: long polls, joins. */
  readonly heldMs?: number
  readonly signal?: AbortSignal
}

/** The library's own timer, out of the way: the deadline is ours. The longest time that setTimeout takes. */
const NEVER_MS = 2 ** 31 - 1
const INFLIGHT_MAX = 64

/**
 * An authenticated session may be limited in time (`connections.max.reauth.ms`, a token's end). The library would authenticate
 * anew on the same connection, between requests that the broker does not expect there; here the next request opens another
 * connection, with the files as they are then, and this one ends with its last answer.
 */
class Session extends Connection {
  requests = 0
  expired = false
  /** Why the socket broke, where the requests on it only learn that it did. */
  broken: unknown = null
  whenExpired: () => void = () => undefined

  override reauthenticate(): void {
    this.expired = true
    this.whenExpired()
  }
}

export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #limits: ConnectionLimits
  #opened: Session | null = null
  #opening: Promise<Session> | null = null
  #closed = false
  /** Ends everything that waits, for close(). */
  readonly #waiting = new Set<(why: string) => void>()

  constructor(address: BrokerAddress, limits: ConnectionLimits) {
    this.address = address
    this.#limits = limits
  }

  /**
   * Sends one request. Rejects with KAFKA_UNAVAILABLE (network, deadline, abort, closed) and as connection-errors.ts says. A
   * deadline or an abort breaks the connection, as what is in flight on it would hold up everything behind.
   */
  async ask<T>(request: (connection: Connection) => Promise<T>, options: AskOptions = {}): Promise<T> {
    if (options.signal?.aborted) throw this.#unavailable('the request was aborted')
    try {
      const session = await this.#connected(options.signal)
      return await this.#answer(session, request, options)
    } catch (error) {
      const mechanism = this.#limits.security?.sasl?.mechanism ?? null
      throw connectionError(error, `${this.address.host}:${this.address.port}`, mechanism)
    }
  }

  async #answer<T>(
    session: Session,
    request: (connection: Connection) => Promise<T>,
    { heldMs = 0, signal }: AskOptions,
  ): Promise<T> {
    session.requests++
    try {
      return await this.#bounded(answered(request(session)), session, this.#limits.requestTimeoutMs + heldMs, signal)
    } catch (error) {
      throw error instanceof ProcessorError ? error : (session.broken ?? error)
    } finally {
      session.requests--
      this.#dropExpired(session)
    }
  }

  #dropExpired(session: Session): void {
    if (!session.expired) return
    if (this.#opened === session) this.#opened = null
    if (session.requests === 0) this.#drop(session)
  }

  close(): void {
    this.#closed = true
    for (const giveUp of [...this.#waiting]) giveUp('the connection was closed')
    if (this.#opened !== null) this.#drop(this.#opened)
  }

  async #connected(signal?: AbortSignal): Promise<Session> {
    if (this.#closed) throw this.#unavailable('the connection was closed')
    if (this.#opened?.isConnected()) return this.#opened
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = null
    })
    // An abort leaves the opening to whoever asks next.
    return this.#bounded(this.#opening, null, 2 * this.#limits.connectTimeoutMs, signal)
  }

  async #connect(): Promise<Session> {
    const { clientId, connectTimeoutMs, security = PLAIN_TEXT } = this.#limits
    const { host, port } = this.address
    const session = new Session(clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: NEVER_MS,
      maxInflights: INFLIGHT_MAX,
      ...(await securityOptions(security, host)),
    })
    if (this.#closed) throw this.#unavailable('the connection was closed')
    session.whenExpired = () => this.#dropExpired(session)
    session.on('error', (error) => {
      session.broken = error
    })
    this.#opened = session
    // The library forgets its callback in rare orders of events; the deadline doesn't.
    await this.#bounded(Promise.resolve(session.connect(host, port)), session, connectTimeoutMs + 100)
    return session
  }

  #bounded<T>(work: Promise<T>, connection: Session | null, timeoutMs: number, signal?: AbortSignal): Promise<T> {
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

  #drop(connection: Session): void {
    if (this.#opened === connection) this.#opened = null
    // For the timer of an authenticated session; it may never call back.
    if (this.#limits.security?.sasl) Promise.resolve(connection.close()).catch(() => undefined)
    // `socket` is undefined, whatever its type says, until connect was called.
    if (connection.socket !== undefined) connection.socket.destroy()
  }

  #unavailable(why: string): ProcessorError {
    return new ProcessorError('KAFKA_UNAVAILABLE', `${this.address.host}:${this.address.port}: ${why}`)
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
