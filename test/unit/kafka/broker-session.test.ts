/** Authenticated sessions that a broker limits in time, against a broker of a few lines (SASL/PLAIN, KIP-368). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, it } from 'node:test'
import { heartbeatV4 } from '@platformatic/kafka'
import { BrokerConnection } from '../../../src/kafka/broker-connection.ts'
import { until } from '../../support/until.ts'

const API_VERSIONS = 18
const HANDSHAKE = 17
const AUTHENTICATE = 36
const SESSION_MS = 250

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

function int(bytes: 2 | 4, value: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeIntBE(value, 0, bytes)
  return buffer
}

/** size:i32 correlation:i32, then what there is. */
function answer(request: Buffer, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat([request.subarray(8, 12), ...parts])
  return Buffer.concat([int(4, body.length), body])
}

interface SaslBroker {
  readonly connection: BrokerConnection
  /** In the order of their opening. */
  readonly sockets: readonly Socket[]
  /** Passwords as they came. */
  readonly passwords: readonly string[]
  /** The first heartbeat waits until it resolves. */
  holding: Promise<void> | null
}

async function saslBroker(readPassword: () => string): Promise<SaslBroker> {
  const sockets: Socket[] = []
  const passwords: string[] = []
  let heartbeats = 0
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    let unread = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      unread = Buffer.concat([unread, bytes])
      while (unread.length >= 4 && unread.length >= 4 + unread.readInt32BE(0)) {
        const size = 4 + unread.readInt32BE(0)
        void reply(socket, unread.subarray(0, size))
        unread = unread.subarray(size)
      }
    })
  })
  const reply = async (socket: Socket, request: Buffer): Promise<void> => {
    switch (request.readInt16BE(4)) {
      case API_VERSIONS: // error, [key min max], throttle
        socket.write(answer(request, int(2, 0), int(4, 1), int(2, AUTHENTICATE), int(2, 0), int(2, 2), int(4, 0)))
        break
      case HANDSHAKE: // error, [mechanism]
        socket.write(answer(request, int(2, 0), int(4, 1), int(2, 5), Buffer.from('PLAIN')))
        break
      case AUTHENTICATE: // tags, error, message, bytes, lifetime, tags
        passwords.push(/user\0(\w+)\0$/.exec(request.toString('latin1'))?.[1] ?? '')
        socket.write(answer(request, Buffer.from([0, 0, 0, 0, 1]), int(4, 0), int(4, SESSION_MS), Buffer.from([0])))
        break
      default: // tags, throttle, error, tags
        if (heartbeats++ === 0) await broker.holding
        socket.write(answer(request, Buffer.from([0]), int(4, 0), int(2, 0), Buffer.from([0])))
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const connection = new BrokerConnection(
    { host: '127.0.0.1', port: address.port },
    {
      clientId: 'test',
      requestTimeoutMs: 60_000,
      connectTimeoutMs: 60_000,
      security: {
        tls: null,
        sasl: {
          mechanism: 'PLAIN',
          username: { kind: 'value', name: 'KAFKA_SASL_USERNAME', value: 'user' },
          get password() {
            return { kind: 'value', name: 'KAFKA_SASL_PASSWORD', value: readPassword() } as const
          },
        },
      },
    },
  )
  closers.push(() => {
    connection.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const broker: SaslBroker = { connection, sockets, passwords, holding: null }
  return broker
}

const beat = ({ connection }: SaslBroker): Promise<{ errorCode: number }> =>
  connection.ask((to) => heartbeatV4.api.async(to, 'group', 1, 'member', null))

it('a session that nears its end is followed by a connection with the password as it is then', async () => {
  let password = 'first'
  const broker = await saslBroker(() => password)
  assert.equal((await beat(broker)).errorCode, 0)
  password = 'second'
  const [first] = broker.sockets
  await until('the first connection is closed', () => first?.closed === true)
  assert.equal((await beat(broker)).errorCode, 0)
  assert.equal(broker.sockets.length, 2)
  assert.deepEqual(broker.passwords, ['first', 'second'])
})

it('what waits when its session nears the end is answered, and what is asked meanwhile goes over another connection', async () => {
  const broker = await saslBroker(() => 'secret')
  const release = Promise.withResolvers<void>()
  broker.holding = release.promise
  const waiting = beat(broker)
  let done = false
  void waiting.then(() => (done = true))
  await until('another connection is opened for the next request', async () => {
    await beat(broker)
    return broker.sockets.length > 1
  })
  assert.deepEqual([done, broker.sockets[0]?.closed], [false, false])
  release.resolve()
  assert.equal((await waiting).errorCode, 0)
  await until('the first connection is closed', () => broker.sockets[0]?.closed === true)
})
