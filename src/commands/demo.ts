/**
 * `demo`: the whole pipeline on this machine. A broker and a database of its own where none is given, a believable system's
 * logs with planted incidents and hostile messages among them, real workers of which one is killed on the way, and a summary
 * computed from the database.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import type pg from 'pg'
import { type Ages, AgeWatch } from '../demo/age-watch.ts'
import { Progress } from '../demo/progress.ts'
import { report } from '../demo/report.ts'
import { fileScript, generatedScript, type Script } from '../demo/script.ts'
import { accountedFor, type Summary, summarize } from '../demo/summary.ts'
import { whereNext } from '../demo/where-next.ts'
import { startWorkerProcess, type WorkerProcess } from '../demo/worker-process.ts'
import { ProcessorError } from '../errors.ts'
import { openProducer } from '../kafka/producer.ts'
import { linesOf, readable } from '../lines.ts'
import { connect } from '../postgres/connection.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { Closers, type DemoStage, openDemoStage } from './demo-stage.ts'
import { isGiven, withSettings } from './given.ts'
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
/** The worker that is killed has stored this share of everything by then. */
const KILL_AT = 0.35
/** Caught up: no more behind than what a quarter of a second brings. */
const CAUGHT_UP_SECONDS = 0.25
/** Nothing moved for so long: the summary will say what is missing. */
const STUCK_MS = 60_000

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
    const left = await closers.closeAll()
    if (left.length > 0) process.stderr.write(`left behind: ${left.join('; ')}\n`)
  }
}

async function play(
  options: DemoOptions,
  env: NodeJS.ProcessEnv,
  closers: Closers,
  signal: AbortSignal,
): Promise<number> {
  const tell = (text: string): void => void (options.json === true ? process.stderr : process.stdout).write(`${text}\n`)
  const { input, logs, seed } = options
  if (input !== undefined) await readable(input)
  const id = `${Date.now().toString(36)}_${process.pid}`
  const stage = await openDemoStage(env, id, { closers, tell })
  const folder = await scratchFolder('demo')
  closers.add(() => rm(folder, { recursive: true, force: true }))
  const { topic } = stage
  const producer = await openProducer({ ...stage.cluster, runMessages: 1 })
  closers.add(() => producer.close())
  await producer.createTopic(topic, PARTITIONS)
  const workers: WorkerProcess[] = []
  const startOne = async (number: number): Promise<void> => {
    const worker = await startWorkerProcess({
      entry: process.argv[1] ?? '',
      env: workerEnv(env, stage),
      logFile: join(folder, `worker-${number}.log`),
      signal,
    })
    closers.add(() => worker.stop())
    workers.push(worker)
  }
  await startOne(1) // the first one alone migrates; the others find it done
  await Promise.all(Array.from({ length: options.workers - 1 }, (_, i) => startOne(i + 2)))
  tell(`✓ ${options.workers} workers, ${PARTITIONS} partitions`)
  const database = await connect(stage.database)
  closers.add(() => database.end())
  const script = input === undefined ? generatedScript({ logs, seed, nowMs: Date.now() }) : fileScript(linesOf(input))
  const run = await stream({ options, script, producer, topic, database, workers, startOne, signal, tell })
  const summary = await summarize(database, {
    namespace: NAMESPACE,
    topic,
    produced: run.sent,
    incidents: script.incidents,
  })
  const logsPerSecond = Math.round(summary.stored / run.seconds)
  tell(report(summary, { logsPerSecond, ...run.ages }))
  const addresses = workers.map(({ address }) => address)
  const settings = { ...stage.env, INSIGHTHUB_NAMESPACE: NAMESPACE }
  tell(whereNext(options.keep === true ? { places: stage.places, addresses, env: settings } : null))
  if (options.json === true) process.stdout.write(`${JSON.stringify(plain(summary, logsPerSecond, run.ages))}\n`)
  if (options.keep === true) await keepRunning(signal, tell)
  return summary.lost === 0 && summary.duplicates === 0 ? 0 : 1
}

function plain({ top: _, check, ...rest }: Summary, logsPerSecond: number, ages: Ages): object {
  return {
    ...rest,
    anomalies_in_incidents: check.anomaliesInside,
    incidents: check.incidents,
    incidents_found_by_chance: Math.round(check.foundByChance * 100) / 100,
    logs_per_second: logsPerSecond,
    age_ms: ages.ageMs,
    age_undisturbed_ms: ages.undisturbedAgeMs,
    behind_after_kill_ms: ages.behindMs,
  }
}

function workerEnv(env: NodeJS.ProcessEnv, stage: DemoStage): Record<string, string | undefined> {
  return {
    ...withSettings(env, stage.env),
    KAFKA_START: 'earliest',
    // Kafka takes no session below 6 s unless it is told to; the embedded broker does, and so the take-over is soon seen.
    KAFKA_SESSION_TIMEOUT_MS: env['KAFKA_SESSION_TIMEOUT_MS'] ?? (isGiven(env, 'KAFKA_BROKER') ? '6000' : '3000'),
    KAFKA_HEARTBEAT_INTERVAL_MS: env['KAFKA_HEARTBEAT_INTERVAL_MS'] ?? '500',
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
async function stream(parts: Streaming): Promise<{ sent: number; seconds: number; ages: Ages }> {
  const { options, script, database, topic, workers } = parts
  const watch = new AgeWatch(() => performance.now())
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
    if (parts.signal.aborted) throw new ProcessorError('INTERRUPTED', 'Interrupted before it was done')
    await Promise.race([sleep(100), ...(finished ? [] : [sending])])
    const sentBefore = sent
    const { records, nextOffsets } = await accountedFor(database, { namespace: NAMESPACE, topic })
    if (records !== done) quietSinceMs = performance.now()
    done = records
    progress.update(done, sent)
    if (performance.now() - quietSinceMs > STUCK_MS) break
    const near = sentBefore - done <= options.rate * CAUGHT_UP_SECONDS
    if (watch.behind && near && watch.isTakenOver(nextOffsets)) await watch.caughtUp(workers)
    if (!killed && done > 0 && (done >= (script.total ?? sent) * KILL_AT || finished)) {
      killed = true
      await killOne(parts, watch, done)
    }
  }
  await sending
  progress.stop()
  if (watch.behind) await watch.caughtUp(workers)
  return { sent, seconds: (performance.now() - startedMs) / 1000, ages: await watch.finish(workers) }
}

/** The first worker dies by SIGKILL. Where it was the only one, another takes its place. */
async function killOne(parts: Streaming, watch: AgeWatch, done: number): Promise<void> {
  const { workers, options, startOne, tell } = parts
  const victim = workers.shift()
  if (victim === undefined) return
  await watch.killing(victim, workers)
  await victim.kill()
  watch.killed((await accountedFor(parts.database, { namespace: NAMESPACE, topic: parts.topic })).nextOffsets)
  const text = `✗ worker ${victim.pid} killed with SIGKILL after ${done.toLocaleString('en')} messages; the others take over`
  tell(styleText('red', `${process.stderr.isTTY ? '\n' : ''}${text}`))
  if (workers.length === 0) await startOne(options.workers + 1)
}

async function keepRunning(signal: AbortSignal, tell: (text: string) => void): Promise<void> {
  if (!signal.aborted) await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }))
  tell('stopping ...')
}
