import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, it } from 'node:test'
import { heartbeatV4 } from '@platformatic/kafka'
import { BrokerConnection } from '../../../src/kafka/broker-connection.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Nobody's answer takes so long, on a machine that is busy elsewhere either. */
const LONG_MS = 60_000

/** A broker that does with each request what it is told; requests come whole, as they are small. */
async function brokerThat(
  answers: (request: Buffer, socket: Socket) => void,
  requestTimeoutMs = LONG_MS,
): Promise<BrokerConnection> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (request) => answers(request, socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const limits = { clientId: 'test', requestTimeoutMs, connectTimeoutMs: LONG_MS }
  const connection = new BrokerConnection({ host: '127.0.0.1', port: address.port }, limits)
  closers.push(() => {
    connection.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return connection
}

/** size:i32 correlation:i32 tags throttle_ms:i32 error:i16 tags */
function heartbeatAnswer(request: Buffer, errorCode: number): Buffer {
  const answer = Buffer.alloc(16)
  answer.writeInt32BE(12, 0)
  request.copy(answer, 4, 8, 12)
  answer.writeInt16BE(errorCode, 13)
  return answer
}

const ask = (connection: BrokerConnection, signal?: AbortSignal): Promise<{ errorCode: number }> =>
  connection.ask((to) => heartbeatV4.api.async(to, 'group', 1, 'member', null), signal === undefined ? {} : { signal })

it('an answer with an error code in it is an answer', async () => {
  const connection = await brokerThat((request, socket) => socket.write(heartbeatAnswer(request, 27)))
  assert.equal((await ask(connection)).errorCode, 27)
})

it('a connection that breaks fails what waits on it, and the next request opens another', async () => {
  let requests = 0
  const connection = await brokerThat((request, socket) => {
    requests++
    if (requests % 2 === 1) socket.destroy()
    else socket.write(heartbeatAnswer(request, 0))
  })
  for (let round = 0; round < 3; round++) {
    await assert.rejects(ask(connection), { code: 'KAFKA_UNAVAILABLE' })
    assert.equal((await ask(connection)).errorCode, 0)
  }
})

it('a broker that never answers is given up at the deadline, and asked again on a new connection', async () => {
  let silent = true
  const connection = await brokerThat((request, socket) => {
    if (!silent) socket.write(heartbeatAnswer(request, 0))
  }, 2_000)
  await assert.rejects(Promise.all([ask(connection), ask(connection)]), /no answer within 2000 ms|Connection closed/)
  silent = false
  assert.equal((await ask(connection)).errorCode, 0)
})

it('an abort ends the request at once, before or while it waits', async () => {
  const controller = new AbortController()
  const connection = await brokerThat(() => controller.abort())
  await assert.rejects(ask(connection, controller.signal), /was aborted/)
  await assert.rejects(ask(connection, controller.signal), /was aborted/)
})

it('an answer to another question, an answer cut short and a TLS alert are told apart', async () => {
  const garbage: [answer: (request: Buffer) => Buffer, code: string][] = [
    [(request) => heartbeatAnswer(Buffer.alloc(request.length, 9), 0), 'KAFKA_UNAVAILABLE'],
    [
      (request) => Buffer.concat([Buffer.from([0, 0, 0, 6]), request.subarray(8, 12), Buffer.alloc(2)]),
      'KAFKA_PROTOCOL',
    ],
    [() => Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), 'KAFKA_REFUSED'],
    [() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'KAFKA_UNAVAILABLE'],
  ]
  for (const [answer, code] of garbage) {
    // What is no answer at all is waited for.
    const deadlineMs = code === 'KAFKA_UNAVAILABLE' ? 1_000 : LONG_MS
    const connection = await brokerThat((request, socket) => socket.write(answer(request)), deadlineMs)
    await assert.rejects(ask(connection), { code }, code)
  }
})

it('a closed connection stays closed', async () => {
  const connection = await brokerThat((request, socket) => socket.write(heartbeatAnswer(request, 0)))
  const started = performance.now()
  const opening = ask(connection)
  connection.close()
  await assert.rejects(opening, { code: 'KAFKA_UNAVAILABLE' })
  assert.ok(performance.now() - started < LONG_MS / 2, 'without waiting for the deadline')
  await assert.rejects(ask(connection), { code: 'KAFKA_UNAVAILABLE' })
})

it('nobody listening is KAFKA_UNAVAILABLE, request after request', async () => {
  const limits = { clientId: 'test', requestTimeoutMs: LONG_MS, connectTimeoutMs: LONG_MS }
  const connection = new BrokerConnection({ host: '127.0.0.1', port: 1 }, limits)
  for (let round = 0; round < 3; round++) await assert.rejects(ask(connection), { code: 'KAFKA_UNAVAILABLE' })
})
