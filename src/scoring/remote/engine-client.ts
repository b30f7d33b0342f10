/**
 * One engine over HTTP, treated as an attacker: kept connections of a bounded number, no redirects, no proxies, no compressed
 * answers, no more bytes than asked for, and no address of the link-local range (where clouds keep their credentials).
 */
import { lookup as systemLookup } from 'node:dns'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { messageOf } from '../../errors.ts'

const CONNECTIONS_MAX = 16
const HEADER_BYTES_MAX = 16 * 1024

export interface ClientOptions {
  /** http or https; a path is a prefix. */
  readonly url: URL
  readonly token: string | undefined
  /** Whether 169.254.0.0/16 and fe80::/10 may be asked. */
  readonly linkLocal: boolean
  /** The system's, unless a test brings its own. */
  readonly lookup?: LookupFunction
}

/** `answered` with any status; the rest never got that far. */
export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly body: Buffer }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'garbled'; readonly reason: string }
  | { readonly kind: 'cancelled' }

export interface Call {
  /** Never rejects. */
  readonly reply: Promise<Reply>
  /** Ends the call and its connection; the reply is `cancelled` unless it was there already. */
  cancel(): void
}

const LINK_LOCAL = new BlockList()
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4')
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6')

function isLinkLocal(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && LINK_LOCAL.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

export class EngineClient {
  readonly #options: ClientOptions
  readonly #agent: HttpAgent
  readonly #refusal: string | null

  constructor(options: ClientOptions) {
    this.#options = options
    const limits = { keepAlive: true, maxSockets: CONNECTIONS_MAX, maxFreeSockets: CONNECTIONS_MAX }
    this.#agent = options.url.protocol === 'https:' ? new HttpsAgent(limits) : new HttpAgent(limits)
    const host = options.url.hostname.replace(/^\[|\]$/g, '')
    this.#refusal = !options.linkLocal && isLinkLocal(host) ? refusal(host) : null
  }

  post(path: string, body: string | Buffer, answerBytesMax: number): Call {
    if (this.#refusal !== null) {
      const reply: Reply = { kind: 'unreachable', reason: this.#refusal }
      return { reply: Promise.resolve(reply), cancel: () => undefined }
    }
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const sending = this.#send(path, body)
    sending.on('response', (answer) => readAnswer(answer, answerBytesMax, resolve))
    sending.on('error', (error) => resolve({ kind: 'unreachable', reason: reasonOf(error) }))
    sending.end(body)
    return {
      reply: promise,
      cancel: () => {
        resolve({ kind: 'cancelled' })
        sending.destroy()
      },
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(path: string, body: string | Buffer): ClientRequest {
    const { url, token, linkLocal, lookup = systemLookup } = this.#options
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    return send({
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: `${url.pathname.replace(/\/+$/, '')}${path}`,
      method: 'POST',
      agent: this.#agent,
      maxHeaderSize: HEADER_BYTES_MAX,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      lookup: linkLocal ? lookup : guarded(lookup),
    })
  }
}

/** What the name server says is checked, not the name: it may say something else each time. */
function guarded(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const found = error !== null ? [] : typeof address === 'string' ? [address] : address.map((each) => each.address)
      const bad = found.find(isLinkLocal)
      callback(bad === undefined ? error : new Error(refusal(bad)), address, family)
    })
  }
}

function refusal(address: string): string {
  return `${address} is a link-local address; ML_ENGINE_LINK_LOCAL=true allows it`
}

function readAnswer(answer: IncomingMessage, bytesMax: number, resolve: (reply: Reply) => void): void {
  const refuse = (reason: string): void => {
    resolve({ kind: 'garbled', reason })
    answer.destroy()
  }
  const { 'content-length': length, 'content-encoding': encoding } = answer.headers
  if (Number(length ?? 0) > bytesMax) {
    refuse(`an answer of ${length} bytes`)
    return
  }
  if (encoding !== undefined && encoding !== 'identity') {
    refuse(`an answer compressed with ${encoding}`)
    return
  }
  const chunks: Buffer[] = []
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bytesMax) refuse(`an answer of more than ${bytesMax} bytes`)
    else chunks.push(chunk)
  })
  answer.on('end', () => {
    resolve({ kind: 'answered', status: answer.statusCode ?? 0, body: Buffer.concat(chunks) })
  })
  answer.on('error', (error) => resolve({ kind: 'unreachable', reason: reasonOf(error) }))
  answer.on('close', () => resolve({ kind: 'unreachable', reason: 'the answer broke off' }))
}

/** Node wraps the addresses it tried in one error without a text. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ').slice(0, 200)
  return messageOf(error).slice(0, 200)
}
