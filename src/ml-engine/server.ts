/**
 * The engine's HTTP port, to the letter of the original's contract and beyond it. Whatever a client sends gets a 2xx, or a 4xx
 * with `{"error": reason}`; bodies, headers, time and concurrency have limits.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { messageOf } from '../errors.ts'
import { FRONT_PAGE_POLICY, FRONT_PAGE_TYPE, frontPage } from '../front-page.ts'
import { Admission } from './admission.ts'
import { ClientMistake, readBody } from './body.ts'
import type { ScoringEngine } from './engine.ts'
import { openApi, routePages } from './openapi.ts'
import { predict, restore, scoreBatch, scoreOne, stats, train } from './routes.ts'

const MIB = 1024 * 1024
const LOG_BYTES_MAX = MIB
const BATCH_BYTES_MAX = 8 * MIB
const SNAPSHOT_BYTES_MAX = 64 * MIB
const HEADER_BYTES_MAX = 16 * 1024
const REQUEST_TIMEOUT_MS = 10_000
/** Longer than clients keep theirs, so that it is they who close: a request on its way into a closing connection is lost. */
const KEEP_ALIVE_MS = 75_000
const CONNECTIONS_MAX = 1_024
const REQUESTS_MAX = 64
const SERVICE_LENGTH_MAX = 4_096
const FRONT_STATE = 'Judges logs: POST them as JSON to /score.'

/** Who listens to what the engine does. */
export interface EngineEvents {
  answered(what: { route: string; status: number; seconds: number }): void
  /** A fault of ours: the client reads only that there was one. */
  faulted(what: { route: string; error: unknown }): void
  refused(): void
}

export interface EngineServerOptions {
  readonly engine: ScoringEngine
  readonly version: string
  /** Asked for on every route but /health; undefined: all routes are open, as the original's. */
  readonly token: string | undefined
  readonly events: EngineEvents
  /** The Prometheus text format. */
  readonly metrics: () => Promise<string>
  readonly requestTimeoutMs?: number
  readonly requestsMax?: number
}

/** Not yet listening. */
export function createEngineServer(options: EngineServerOptions): FastifyInstance {
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const server = fastify({
    logger: false,
    bodyLimit: LOG_BYTES_MAX,
    requestTimeout: timeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: SERVICE_LENGTH_MAX },
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: timeoutMs,
      connectionsCheckingInterval: Math.min(1_000, timeoutMs),
    },
    frameworkErrors: (error, _request, reply) => {
      reply.raw.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: messageOf(error) }))
    },
    clientErrorHandler: refuseUnparsed,
  })
  server.server.maxConnections = CONNECTIONS_MAX
  readBodies(server)
  guard(server, options)
  answerErrors(server, options.events)
  addRoutes(server, options)
  return server
}

function addRoutes(server: FastifyInstance, { engine, version, metrics }: EngineServerOptions): void {
  const page = openApi(version)
  const front = frontPage({ title: `InsightHub ML engine ${version}`, state: FRONT_STATE, pages: routePages() })
  const routes: Record<string, Record<string, Route>> = {
    '/': {
      GET: (_request, reply) =>
        reply.type(FRONT_PAGE_TYPE).header('content-security-policy', FRONT_PAGE_POLICY).send(front),
    },
    '/health': { GET: () => ({ status: 'ok', service: 'ml-engine' }) },
    '/score': { POST: ({ body, query }) => scoreOne(engine, body, query) },
    '/score/batch': { POST: ({ body, query }) => scoreBatch(engine, body, query) },
    '/predict': { POST: ({ body }) => predict(engine, body) },
    '/train': { POST: ({ body }) => train(engine, body) },
    '/stats/:service': { GET: ({ params }) => stats(engine, serviceIn(params)) },
    '/alerts': { GET: () => ({ alerts: engine.alerts() }) },
    '/snapshot': {
      GET: (_request, reply) => reply.type('application/octet-stream').send(engine.snapshot()),
      PUT: ({ body }) => restore(engine, body),
      POST: ({ body }) => restore(engine, body),
    },
    '/metrics': {
      GET: async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
    },
    '/openapi.json': { GET: () => page },
  }
  for (const [url, methods] of Object.entries(routes)) {
    const bodyLimit = BODY_LIMITS[url] ?? LOG_BYTES_MAX
    for (const [method, handler] of Object.entries(methods)) server.route({ method, url, bodyLimit, handler })
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !Object.hasOwn(methods, method))
    const allow = Object.keys(methods).join(', ')
    server.route({
      method: others,
      url,
      handler: (_request, reply) => reply.code(405).header('allow', allow).send({ error: 'Method not allowed' }),
    })
  }
}

type Route = (request: FastifyRequest, reply: FastifyReply) => unknown

const BODY_LIMITS: Readonly<Record<string, number>> = {
  '/score/batch': BATCH_BYTES_MAX,
  '/train': BATCH_BYTES_MAX,
  '/snapshot': SNAPSHOT_BYTES_MAX,
}

function serviceIn(params: unknown): string {
  return typeof params === 'object' && params !== null && 'service' in params ? String(params.service) : ''
}

function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes, done) => {
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    const type = request.headers['content-type']
    try {
      if (request.headers['content-encoding'] !== undefined)
        throw new ClientMistake(415, 'Bodies are taken as they are')
      const isBytes = request.routeOptions.url === '/snapshot' && type === 'application/octet-stream'
      done(null, isBytes ? body : readBody(body, type))
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** At the door: who may enter, how many, and what is told of them. */
function guard(server: FastifyInstance, { token, events, requestsMax = REQUESTS_MAX }: EngineServerOptions): void {
  const admission = new Admission({ requestsMax, bytesMax: SNAPSHOT_BYTES_MAX })
  const expected = token === undefined ? null : digest(`Bearer ${token}`)
  server.addHook('onRequest', async (request, reply) => {
    const startedMs = performance.now()
    const route = request.routeOptions.url ?? 'unknown'
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    reply.raw.once('close', () =>
      events.answered({ route, status: reply.statusCode, seconds: (performance.now() - startedMs) / 1000 }),
    )
    if (expected !== null && route !== '/health') {
      if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
        reply.header('www-authenticate', 'Bearer')
        throw new ClientMistake(401, 'A bearer token is needed')
      }
    }
    if (request.method === 'GET' || request.method === 'HEAD') return
    const declared = Number(request.headers['content-length'])
    const bytes = Number.isFinite(declared) ? declared : request.routeOptions.bodyLimit
    if (!admission.enter(bytes)) {
      events.refused()
      reply.header('retry-after', '1')
      throw new ClientMistake(429, 'Too many requests at once')
    }
    reply.raw.once('close', () => admission.leave(bytes))
  })
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function answerErrors(server: FastifyInstance, events: EngineEvents): void {
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'Not found' }))
  server.setErrorHandler((error, request, reply) => {
    const status = statusOf(error)
    // Whatever is left of a body that was not read must not be taken for the next request.
    if (status === 413 || status === 429 || status === 401) reply.header('connection', 'close')
    if (status < 500) return reply.code(status).send({ error: messageOf(error) })
    events.faulted({ route: request.routeOptions.url ?? 'unknown', error })
    return reply.code(500).send({ error: 'Internal error' })
  })
}

function statusOf(error: unknown): number {
  if (!(error instanceof Error) || !('statusCode' in error)) return 500
  const { statusCode } = error
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500
}

/** What is no HTTP, or too much of it, is answered before there is a request. */
function refuseUnparsed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) return void socket.destroy()
  const [status, reason] = UNPARSED[error.code ?? ''] ?? ['400 Bad Request', 'No HTTP request']
  const body = JSON.stringify({ error: reason })
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`)
}

const UNPARSED: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', `Headers beyond ${HEADER_BYTES_MAX} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long'],
}
