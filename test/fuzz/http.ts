/** Requests that no client should send, at every route: an answer of 2xx, 4xx or a closed connection; never a 5xx, never silence. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Random } from '../../src/demo/random.ts'
import type { Finding } from './messages.ts'
import { message, mutate } from './mutations.ts'

export interface HttpTarget {
  readonly port: number
  readonly paths: readonly string[]
}

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'BREW', 'get', '']
const TYPES = [
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'multipart/form-data',
  '\u00e9',
]
const ANSWER_MS = 15_000

function request(random: Random, target: HttpTarget): Buffer {
  const method =
    random.next() < 0.7 ? (METHODS[random.below(3)] ?? 'GET') : (METHODS[random.below(METHODS.length)] ?? 'GET')
  let path = target.paths[random.below(target.paths.length)] ?? '/'
  if (random.next() < 0.2) path += `?${random.hex(4)}=${encodeURIComponent(random.hex(random.below(40)))}`
  if (random.next() < 0.05) path = `/${'a'.repeat(random.below(20_000))}`
  if (random.next() < 0.05) path = '/../../etc/passwd%00'
  const body = method === 'GET' || method === 'HEAD' ? Buffer.alloc(0) : (message(random) ?? Buffer.alloc(0))
  const length = random.next() < 0.05 ? random.below(1 << 20) : body.length
  const headers = [
    `host: 127.0.0.1`,
    `connection: close`,
    ...(body.length > 0
      ? [`content-length: ${length}`, `content-type: ${TYPES[random.below(random.next() < 0.7 ? 1 : TYPES.length)]}`]
      : []),
    ...(random.next() < 0.05 ? [`x: ${'y'.repeat(random.below(40_000))}`] : []),
  ]
  const whole = Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1'),
    body,
  ])
  return random.next() < 0.1 ? mutate(whole, random) : whole
}

/** The status; 0: closed without one; null: nothing in time. */
async function send(port: number, bytes: Buffer): Promise<number | null> {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1', 0, 200)
  })
  socket.on('error', () => undefined)
  // What is announced and never sent is a client that went away.
  socket.end(bytes)
  const timer = setTimeout(() => socket.destroy(new Error('late')), ANSWER_MS)
  const closed = await once(socket, 'close').then(() => true)
  clearTimeout(timer)
  if (!closed || socket.errored?.message === 'late') return null
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(said)?.[1] ?? 0)
}

export async function fuzzHttp(random: Random, target: HttpTarget, count: number): Promise<Finding[]> {
  const findings: Finding[] = []
  for (let done = 0; done < count; done++) {
    const bytes = request(random, target)
    const status = await send(target.port, bytes)
    // 503 is how /readyz and a busy engine say so.
    if (status === null || (status >= 500 && status !== 503 && status !== 505))
      findings.push({ what: status === null ? 'no answer' : `answered ${status}`, input: bytes.toString('base64') })
  }
  return findings
}
