/**
 * `demo`: the whole pipeline on this machine. A broker and a database of its own where none is given, a believable system's
 * logs with planted incidents and hostile messages among them, real workers of which one is killed on the way, and a summary
 * computed from the database.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import type pg from 'pg'
import { loadConfig } from '../config.ts'
import { addBuckets, type Buckets, quantile } from '../demo/age.ts'
import { generate, type Incident } from '../demo/generator.ts'
import { hostileMessages } from '../demo/hostile.ts'
import { Progress } from '../demo/progress.ts'
import { report } from '../demo/report.ts'
import { accountedFor, type Summary, summarize } from '../demo/summary.ts'
import { startWorkerProcess, type WorkerProcess } from '../demo/worker-process.ts'
import { ProcessorError } from '../errors.ts'
import { startEmbeddedBroker } from '../kafka/embedded-broker/broker.ts'
import { openProducer, type ProducerMessage } from '../kafka/producer.ts'
import { linesOf } from '../lines.ts'
import { connect, type DatabaseOptions } from '../postgres/connection.ts'
import { startEmbeddedPostgres } from '../postgres/embedded-server.ts'
import { databaseOptions } from './database.ts'
import { sendAll } from './produce.ts'

export interface DemoOptions {
  readonly input?: string | undefined
  readonly logs: number
  readonly workers: number
  readonly seed: number
  /** Logs a second; paced so that the age from produce to commit means something. */
  readonly rate: number
  readonly keep?: boolean | undefined
  readonly json?: boolean | undefined
}

const PARTITIONS = 4
const NAMESPACE = 'demo'
const AGE_METRIC = 'insighthub_age_at_commit_seconds'
/** The worker that is killed has stored this share of everything by then. */
const KILL_AT = 0.35

interface Stage {
  readonly brokers: string
  readonly database: DatabaseOptions
  /** Set where the demo's own server is used; workers find a given one as we did. */
  readonly databaseUrl: string | undefined
  readonly places: string[]
}

/** Whatever was opened is closed in reverse, also when the demo fails half way. */
class Closers {
  readonly #closers: (() => Promise<unknown>)[] = []
  add(close: () => Promise<unknown>): void {
    this.#closers.push(close)
  }
  async closeAll(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close().catch(() => undefined)
  }
}

async function openStage(env: NodeJS.ProcessEnv, closers: Closers, tell: (text: string) => void): Promise<Stage> {
  const places: string[] = []
  let brokers = env['KAFKA_BROKER']
  if (brokers === undefined) {
    const broker = await startEmbeddedBroker({})
    closers.add(() => broker.close())
    brokers = broker.address
    tell(`✓ Embedded Kafka broker on ${brokers}`)
  }
  places.push(`Kafka       ${brokers}`)
  if (env['DATABASE_URL'] !== undefined || env['DB_HOST'] !== undefined) {
    const database = databaseOptions(loadConfig(env).config, 'demo')
    places.push(`PostgreSQL  ${database.host}:${database.port}, database ${database.database}`)
    return { brokers, database, databaseUrl: undefined, places }
  }
  const postgres = await startEmbeddedPostgres({ durable: true })
  closers.add(() => postgres.close())
  tell(`✓ Embedded PostgreSQL on ${postgres.host}:${postgres.port} (${postgres.binaries})`)
  places.push(`PostgreSQL  psql ${postgres.url}`)
  const { host, port, user, password } = postgres
  const database = {
    host,
    port,
    user,
    password,
    database: postgres.database,
    ssl: false,
    applicationName: 'insighthub-processor demo',
  } as const
  return { brokers, database, databaseUrl: postgres.url, places }
}

interface Script {
  readonly total: number | null
  readonly incidents: readonly Incident[]
  messages(): AsyncIterable<ProducerMessage>
}

/** The default script: generated logs, with every hostile message of the table spread among them. */
function generatedScript({ logs, seed }: DemoOptions): Script {
  const hostile = hostileMessages()
  const { incidents, lines } = generate({ seed, logs, startMs: Date.UTC(2026, 0, 5) })
  const every = Math.max(1, Math.floor(logs / (hostile.length + 1)))
  async function* messages(): AsyncGenerator<ProducerMessage> {
    let index = 0
    for (const { json } of lines()) {
      yield { value: Buffer.from(json) }
      index++
      const bad = index % every === 0 ? hostile[index / every - 1] : undefined
      if (bad !== undefined) yield { value: bad.value }
    }
    for (const bad of hostile.slice(Math.floor(index / every))) yield { value: bad.value }
  }
  return { total: logs + hostile.length, incidents, messages }
}

function fileScript(input: string): Script {
  async function* messages(): AsyncGenerator<ProducerMessage> {
    for await (const value of linesOf(input)) yield { value }
  }
  return { total: null, incidents: [], messages }
}

export async function run(options: DemoOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const closers = new Closers()
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    return await play(options, env, closers, interrupted.signal)
  } finally {
    process.removeListener('SIGINT', interrupt)
    process.removeListener('SIGTERM', interrupt)
    await closers.closeAll()
  }
}

async function play(
  options: DemoOptions,
  env: NodeJS.ProcessEnv,
  closers: Closers,
  signal: AbortSignal,
): Promise<number> {
  const tell = (text: string): void => void (options.json === true ? process.stderr : process.stdout).write(`${text}\n`)
  const stage = await openStage(env, closers, tell)
  const folder = await mkdtemp(join(tmpdir(), 'insighthub-demo-'))
  closers.add(() => rm(folder, { recursive: true, force: true }))
  const topic = env['KAFKA_TOPIC'] ?? (env['KAFKA_BROKER'] === undefined ? 'logs' : `insighthub-demo-${process.pid}`)
  const producer = await openProducer({ brokers: stage.brokers.split(','), clientId: 'insighthub-demo' })
  closers.add(() => producer.close())
  await producer.createTopic(topic, PARTITIONS)
  const workers: WorkerProcess[] = []
  const startOne = async (number: number): Promise<void> => {
    const worker = await startWorkerProcess({
      entry: process.argv[1] ?? '',
      env: workerEnv(env, { stage, topic }),
      logFile: join(folder, `worker-${number}.log`),
      readyTimeoutMs: 60_000,
    })
    closers.add(() => worker.stop())
    workers.push(worker)
  }
  await startOne(1) // the first one alone migrates; the others find it done
  await Promise.all(Array.from({ length: options.workers - 1 }, (_, i) => startOne(i + 2)))
  tell(`✓ ${options.workers} workers, ${PARTITIONS} partitions`)
  const database = await connect(stage.database)
  closers.add(() => database.end())
  const script = options.input === undefined ? generatedScript(options) : fileScript(options.input)
  const run = await stream({ options, script, producer, topic, database, workers, startOne, signal, tell })
  const summary = await summarize(database, {
    namespace: NAMESPACE,
    topic,
    produced: run.sent,
    incidents: script.incidents,
  })
  for (const worker of workers) addBuckets(run.ages, await worker.metrics().catch(() => ''), AGE_METRIC)
  const ms = (q: number): number | null => {
    const seconds = quantile(run.ages, q)
    return seconds === null ? null : Math.round(seconds * 1000)
  }
  const ageMs = { p50: ms(0.5), p99: ms(0.99) }
  const logsPerSecond = Math.round(summary.stored / run.seconds)
  tell(report(summary, { logsPerSecond, ageMs }))
  tell(whereNext(stage, workers, options))
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ ...plain(summary), logs_per_second: logsPerSecond, age_ms: ageMs })}\n`)
  if (options.keep === true) await keepRunning(signal, tell)
  return summary.lost === 0 && summary.duplicates === 0 ? 0 : 1
}

function plain(summary: Summary): object {
  const { top: _, ...rest } = summary
  return rest
}

function workerEnv(
  env: NodeJS.ProcessEnv,
  { stage, topic }: { stage: Stage; topic: string },
): Record<string, string | undefined> {
  return {
    ...env,
    KAFKA_BROKER: stage.brokers,
    KAFKA_TOPIC: topic,
    KAFKA_START: 'earliest',
    KAFKA_GROUP_ID: env['KAFKA_GROUP_ID'] ?? (topic === 'logs' ? 'log-processors' : topic),
    KAFKA_SESSION_TIMEOUT_MS: env['KAFKA_SESSION_TIMEOUT_MS'] ?? '6000',
    KAFKA_HEARTBEAT_INTERVAL_MS: env['KAFKA_HEARTBEAT_INTERVAL_MS'] ?? '1000',
    ...(stage.databaseUrl === undefined ? {} : { DATABASE_URL: stage.databaseUrl }),
    INSIGHTHUB_NAMESPACE: NAMESPACE,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    LOG_FORMAT: 'text',
  }
}

interface Streaming {
  readonly options: DemoOptions
  readonly script: Script
  readonly producer: Awaited<ReturnType<typeof openProducer>>
  readonly topic: string
  readonly database: pg.Client
  readonly workers: WorkerProcess[]
  readonly startOne: (number: number) => Promise<void>
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

/** Sends everything, kills a worker on the way, and waits until the ledger accounts for every message. */
async function stream(parts: Streaming): Promise<{ sent: number; seconds: number; ages: Buckets }> {
  const { options, script, database, topic, workers, tell } = parts
  const ages: Buckets = new Map()
  const progress = new Progress(script.total ?? options.logs, options.json === true)
  const startedMs = performance.now()
  let sent = 0
  let finished = false
  const sending = sendAll(
    { producer: parts.producer, topic },
    script.messages(),
    { rate: options.rate, clock: () => performance.now() },
    (n) => {
      sent = n
    },
  ).then(() => {
    finished = true
  })
  sending.catch(() => undefined)
  let killed = false
  let quietSinceMs = performance.now()
  for (let done = 0; !(finished && done >= sent); ) {
    if (parts.signal.aborted) throw new ProcessorError('INPUT', 'Interrupted')
    await Promise.race([sleep(100), ...(finished ? [] : [sending])])
    const now = await accountedFor(database, { namespace: NAMESPACE, topic })
    if (now !== done) quietSinceMs = performance.now()
    done = now
    progress.update(done, sent)
    if (performance.now() - quietSinceMs > 60_000) break // the summary will say what is missing
    const target = script.total ?? sent
    if (!killed && done > 0 && (done >= target * KILL_AT || finished)) {
      killed = true
      await killOne(parts, ages, done)
    }
  }
  await sending
  progress.stop()
  if (workers.length === 0) tell('no worker is left')
  return { sent, seconds: (performance.now() - startedMs) / 1000, ages }
}

/** The first worker dies by SIGKILL. Where it was the only one, another takes its place. */
async function killOne({ workers, options, startOne, tell }: Streaming, ages: Buckets, done: number): Promise<void> {
  const victim = workers.shift()
  if (victim === undefined) return
  addBuckets(ages, await victim.metrics().catch(() => ''), AGE_METRIC)
  await victim.kill()
  tell(
    styleText(
      'red',
      `${process.stderr.isTTY ? '\n' : ''}✗ worker ${victim.pid} killed with SIGKILL after ${done} messages; the others take over`,
    ),
  )
  if (workers.length === 0) await startOne(options.workers + 1)
}

function whereNext(stage: Stage, workers: readonly WorkerProcess[], options: DemoOptions): string {
  if (options.keep !== true) {
    return [
      'Where to look next: `npm run demo -- --keep` leaves all this running; `npm run demo -- --input FILE` takes your own logs;',
      'README.md has the rest.',
    ].join('\n')
  }
  const lines = [...stage.places, ...workers.map(({ address }) => `worker      ${address}/status  ${address}/metrics`)]
  return `Still running:\n${lines.map((line) => `  ${line}`).join('\n')}\nStop with Ctrl-C.`
}

async function keepRunning(signal: AbortSignal, tell: (text: string) => void): Promise<void> {
  if (!signal.aborted) await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }))
  tell('stopping ...')
}
