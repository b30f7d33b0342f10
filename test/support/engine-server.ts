/** The ML engine's real server on a free port, with a clock that the test moves. */
import { listen } from '../../src/http/listening.ts'
import { ScoringEngine } from '../../src/ml-engine/engine.ts'
import { createEngineServer, type EngineServerOptions } from '../../src/ml-engine/server.ts'

export interface TestEngine {
  readonly address: string
  readonly engine: ScoringEngine
  readonly time: { nowMs: number }
  readonly seen: { route: string; status: number }[]
  readonly faults: unknown[]
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>
  get(path: string): Promise<{ status: number; body: unknown }>
}

export async function withEngine(
  use: (engine: TestEngine) => Promise<void>,
  over: Partial<EngineServerOptions> = {},
): Promise<void> {
  const time = { nowMs: 1_767_225_600_000 }
  const seen: { route: string; status: number }[] = []
  const faults: unknown[] = []
  const failed = (error: unknown): void => void faults.push(error)
  const engine = new ScoringEngine({ servicesMax: 100, threshold: 0.65, now: () => time.nowMs, failed })
  const server = createEngineServer({
    engine,
    version: '0',
    token: undefined,
    events: {
      answered: ({ route, status }) => void seen.push({ route, status }),
      faulted: ({ error }) => void faults.push(error),
      refused: () => undefined,
    },
    metrics: async () => `insighthub_engine_logs_total ${engine.counts().logs}\n`,
    ...over,
  })
  const address = await listen(server, { host: '127.0.0.1', port: 0, portName: 'ML_ENGINE_PORT' })
  const answerOf = async (answer: Response) => {
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
    return { status: answer.status, body: isJson ? JSON.parse(text) : text }
  }
  try {
    await use({
      address,
      engine,
      time,
      seen,
      faults,
      post: async (path, body, headers = {}) =>
        answerOf(
          await fetch(address + path, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers },
            body: typeof body === 'string' ? body : JSON.stringify(body),
          }),
        ),
      get: async (path) => answerOf(await fetch(address + path)),
    })
  } finally {
    await server.close()
  }
}
