/** The worker's HTTP port: is it alive, is it ready, what does it count. Read only; nothing here acts. */
import { fastify } from 'fastify'
import { messageOf } from '../errors.ts'
import { FRONT_PAGE_POLICY, FRONT_PAGE_TYPE, frontPage } from '../front-page.ts'
import { listen } from './listening.ts'

const BODY_BYTES_MAX = 16 * 1024
const HEADER_BYTES_MAX = 8 * 1024
const REQUEST_TIMEOUT_MS = 10_000

const PAGES = [
  { path: '/status', what: 'partitions, lag, scores and guarantee, as JSON', link: true },
  { path: '/metrics', what: 'for Prometheus', link: true },
  { path: '/readyz', what: '200 while ready, else 503 with what is missing', link: true },
  { path: '/livez', what: '200 while alive', link: true },
]

export interface Readiness {
  readonly ready: boolean
  /** What is missing to be ready, in words. */
  readonly missing: readonly string[]
  /** What works less well than it should, without making the service unready. */
  readonly degraded: readonly string[]
}

export interface HttpOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly readiness: () => Readiness | Promise<Readiness>
  readonly live: () => boolean
  /** Anything that JSON can carry. */
  readonly status: () => object | Promise<object>
  /** The Prometheus text format, version 0.0.4. */
  readonly metrics: () => Promise<string>
}

export interface HttpServer {
  /** Such as http://127.0.0.1:9464. */
  readonly address: string
  close(): Promise<void>
}

/** Rejects with HTTP_UNAVAILABLE where the port cannot be listened on. */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const server = createServer(options)
  const { host, port } = options
  const address = await listen(server, { host, port, portName: 'HTTP_PORT' })
  return { address, close: () => server.close() }
}

function createServer({ readiness, live, status, metrics }: HttpOptions) {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: REQUEST_TIMEOUT_MS },
  })
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
  })
  server.get('/', async (_request, reply) => {
    const page = frontPage({ title: 'InsightHub Processor', state: stateOf(await readiness()), pages: PAGES })
    return reply.type(FRONT_PAGE_TYPE).header('content-security-policy', FRONT_PAGE_POLICY).send(page)
  })
  server.get('/livez', (_request, reply) => {
    const alive = live()
    return reply.code(alive ? 200 : 503).send({ live: alive })
  })
  server.get('/readyz', async (_request, reply) => {
    const { ready, missing, degraded } = await readiness()
    return reply.code(ready ? 200 : 503).send({ ready, missing, degraded })
  })
  server.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  )
  server.get('/status', async (_request, reply) => reply.send(await status()))
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'Not found' }))
  server.setErrorHandler((error, _request, reply) => {
    const code = statusOf(error)
    return reply.code(code).send({ error: code < 500 ? messageOf(error) : 'Internal error' })
  })
  return server
}

function stateOf({ ready, missing, degraded }: Readiness): string {
  const state = ready ? 'Ready' : `Not ready: ${missing.join('; ')}`
  return degraded.length === 0 ? `${state}.` : `${state}. Degraded: ${degraded.join('; ')}.`
}

/** A client's own mistake may be named to it; ours may not. */
function statusOf(error: unknown): number {
  if (!(error instanceof Error) || !('statusCode' in error)) return 500
  const { statusCode } = error
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500
}
