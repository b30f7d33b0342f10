/** A TCP proxy that cuts, delays and swallows on request: the network between our workers and one server. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { EmptyFetches } from './empty-fetches.ts'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** The flush has been sent over this connection, and its answer was not seen yet. */
  flushing: boolean
  /** Set where fetches are answered here, with nothing. */
  readonly fetches: EmptyFetches | null
}

/** The text of every flush; its answer is the only one that ends a COPY of ours with a commit. */
const FENCE = Buffer.from('ingest_advance(')
/** ReadyForQuery, idle: what was sent is committed, or failed. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

export class TcpProxy {
  readonly port: number
  /** Where new connections go. */
  target: number
  /** ms that everything is late, each way. */
  delayMs = 0
  /** Swallows what the server says, what the client says, or both, without closing anything. */
  blackhole: 'none' | 'to-client' | 'to-server' | 'both' = 'none'
  refuse = false
  #starving = false
  /** So many answers to a flush are lost, the connection with them. */
  cutAcks = 0
  /** How many were. */
  acksCut = 0
  readonly #server: Server
  readonly #pairs = new Set<Pair>()

  private constructor(server: Server, port: number, target: number) {
    this.#server = server
    this.port = port
    this.target = target
    server.on('connection', (client) => this.#open(client))
  }

  static async start(target: number, port = 0): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new TcpProxy(server, address.port, target)
  }

  get connections(): number {
    return this.#pairs.size
  }

  /** All of them, without a word. */
  cut(): void {
    for (const pair of this.#pairs) this.#drop(pair)
  }

  /** From now on every fetch is answered with nothing, or none any more. Connections are cut: frames are told apart from their first byte on. */
  starve(starving: boolean): void {
    if (this.#starving === starving) return
    this.#starving = starving
    this.cut()
  }

  heal(): void {
    this.starve(false)
    this.delayMs = 0
    this.blackhole = 'none'
    this.refuse = false
    this.cutAcks = 0
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  #open(client: Socket): void {
    client.on('error', () => undefined)
    if (this.refuse) return void client.destroy()
    const server = connect(this.target, '127.0.0.1')
    server.on('error', () => undefined)
    const fetches = this.#starving ? new EmptyFetches((answer) => this.#pass(answer, pair, client, 'to-client')) : null
    const pair: Pair = { client, server, flushing: false, fetches }
    this.#pairs.add(pair)
    client.setNoDelay(true)
    server.setNoDelay(true)
    client.on('data', (chunk) => {
      if (chunk.includes(FENCE)) pair.flushing = true
      this.#pass(pair.fetches?.pass(chunk) ?? chunk, pair, server, 'to-server')
    })
    server.on('data', (chunk) => {
      if (pair.flushing && this.cutAcks > 0 && chunk.includes(READY)) {
        this.cutAcks--
        this.acksCut++
        return this.#drop(pair)
      }
      if (chunk.includes(READY)) pair.flushing = false
      this.#pass(chunk, pair, client, 'to-client')
    })
    client.once('close', () => this.#drop(pair))
    server.once('close', () => this.#drop(pair))
    server.once('connect', () => client.resume())
  }

  #pass(chunk: Buffer, pair: Pair, to: Socket, way: 'to-client' | 'to-server'): void {
    if (this.blackhole === 'both' || this.blackhole === way) return
    const from = to === pair.client ? pair.server : pair.client
    const send = (): void => {
      if (to.destroyed || to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    }
    // Timers of equal length fire in order, so nothing overtakes.
    if (this.delayMs > 0) setTimeout(send, this.delayMs)
    else send()
  }

  #drop(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.client.destroy()
    pair.server.destroy()
  }
}
