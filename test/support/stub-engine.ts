/** An ML engine of a test's choice: well, the original with its quirks, or ill in one of many ways. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Behaviour = (
  request: { readonly path: string; readonly body: () => Promise<string> },
  answer: ServerResponse,
) => void | Promise<void>

export interface StubEngine {
  readonly url: URL
  /** Paths asked, in order. */
  readonly asked: string[]
  /** Connections ever opened. */
  connections(): number
  behave(behaviour: Behaviour): void
  close(): Promise<void>
}

export async function startStubEngine(behaviour: Behaviour): Promise<StubEngine> {
  let current = behaviour
  let connections = 0
  const asked: string[] = []
  const server = createServer((request, answer) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.push(path)
    answer.on('error', () => undefined)
    void current({ path, body: () => textOf(request) }, answer)
  })
  server.on('connection', (socket) => {
    connections++
    socket.on('error', () => undefined)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    asked,
    connections: () => connections,
    behave: (next) => {
      current = next
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((done) => server.close(() => done()))
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

export function sendJson(answer: ServerResponse, status: number, value: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

/** Offers /score/batch; `verdict` makes each result out of the log. */
export function batchEngine(verdict: (log: { latency_ms: number | null }) => unknown): Behaviour {
  return async ({ path, body }, answer) => {
    const { logs } = JSON.parse(await body())
    if (path === '/score/batch') sendJson(answer, 200, { results: logs.map(verdict) })
    else sendJson(answer, 404, { error: 'Not found' })
  }
}

/**
 * The original Python engine as its clients know it: one log a call, 26 ms each and one at a time (the interpreter lock), a page
 * for people where there is no route, and 500 where a latency is null.
 */
export function originalEngine(callMs = 26): Behaviour {
  let busy: Promise<void> = Promise.resolve()
  const page = (answer: ServerResponse, status: number): void =>
    void answer
      .writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
      .end(`<!doctype html>\n<title>${status}</title>`)
  return async ({ path, body }, answer) => {
    if (path !== '/score') return page(answer, 404)
    const log = JSON.parse(await body())
    const before = busy
    const mine = Promise.withResolvers<void>()
    busy = mine.promise
    await before
    setTimeout(() => {
      mine.resolve()
      if (log.latency_ms === null) return page(answer, 500)
      const isAnomaly = log.latency_ms > 1000
      sendJson(answer, 200, {
        anomaly_score: 0.4 * 0.07 + 0.6 * (isAnomaly ? 1 : 0),
        is_anomaly: isAnomaly,
        methods: {
          isolation_forest: { anomaly_score: 0.07, is_anomaly: false, method: 'isolation_forest' },
          sliding_window: {
            anomaly_score: isAnomaly ? 1 : 0,
            is_anomaly: isAnomaly,
            method: 'sliding_window',
            metrics: { error_rate: 0, latency_zscore: 0, total_logs: 1 },
          },
        },
      })
    }, callMs)
  }
}

/** Takes the request and says nothing. */
export const silentEngine: Behaviour = () => undefined
