/** What the measurements of a benchmark share: its stage, its options, the processes it started, and how a topic is filled. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { benchLog, type LogShape, USUAL_SHAPE } from '../bench/logs.ts'
import { Random } from '../demo/random.ts'
import { startWorkerProcess, type WorkerProcess } from '../demo/worker-process.ts'
import type { Producer } from '../kafka/producer.ts'
import type { BenchStage } from './bench-stage.ts'
import { withSettings } from './given.ts'
import { sendAll } from './produce.ts'

export interface Bench extends BenchStage {
  readonly rows: number
  readonly rounds: number
  /** Ends every process that was started. */
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

/** Where a worker reads and what of its settings differs. */
export interface Task {
  /** Of the group and the namespace, unlike any other's. */
  readonly name: string
  readonly topic: string
  readonly workers?: number
  readonly env?: Readonly<Record<string, string>>
  readonly execArgv?: readonly string[]
}

export const PARTITIONS = 4

/** `run` that ends with the benchmark. */
const execute = promisify(execFile)

export const namespaceOf = (name: string): string => `bench-${process.pid}-${name}`

function envOf(bench: Bench, { name, topic, env = {} }: Task): Record<string, string | undefined> {
  const id = namespaceOf(name)
  return {
    ...withSettings(bench.env, bench.kafkaEnv),
    KAFKA_TOPIC: topic,
    KAFKA_GROUP_ID: id,
    INSIGHTHUB_NAMESPACE: id,
    KAFKA_START: 'earliest',
    ...(bench.databaseUrl === undefined ? {} : { DATABASE_URL: bench.databaseUrl }),
    DB_SCHEMA: bench.schema,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    ...env,
  }
}

/** One part in a process of its own; what it printed, as the part's own type. */
export async function partOf<T>(bench: Bench, part: string, task: Task, flags: readonly string[] = []): Promise<T> {
  const postmaster = bench.postmaster === null ? [] : ['--postmaster', String(bench.postmaster)]
  const args = ['bench', '--part', part, '--rows', String(bench.rows), ...postmaster]
  const { stdout } = await execute(process.execPath, [...flags, process.argv[1] ?? '', ...args], {
    env: envOf(bench, task),
    signal: bench.signal,
  })
  const figure: T = JSON.parse(stdout)
  return figure
}

export async function startWorker(bench: Bench, task: Task): Promise<WorkerProcess> {
  bench.signal.throwIfAborted()
  const worker = await startWorkerProcess({
    entry: process.argv[1] ?? '',
    env: envOf(bench, task),
    logFile: join(bench.folder, `${task.name}.log`),
    ...(task.workers === undefined ? {} : { workers: task.workers }),
    ...(task.execArgv === undefined ? {} : { execArgv: task.execArgv }),
  })
  bench.signal.addEventListener('abort', () => worker.signal('SIGKILL'), { once: true })
  return worker
}

export async function passwordOf({ password }: Pick<BenchStage['access'], 'password'>): Promise<string> {
  return typeof password === 'function' ? password() : (password ?? '')
}

/** With access to the benchmark's schema. */
export async function psql(
  { access, schema, env, signal }: Pick<Bench, 'access' | 'schema' | 'env' | 'signal'>,
  command: string,
): Promise<void> {
  const { host, port, user, database } = access
  const secret = await passwordOf(access)
  const where = ['-h', host, '-p', String(port), '-U', user, '-d', database]
  await execute('psql', ['-q', '-X', '-v', 'ON_ERROR_STOP=1', ...where, '-c', command], {
    env: { ...env, PGPASSWORD: secret, PGOPTIONS: `-c search_path=${schema}` },
    signal,
  })
}

export async function emptyTables({ database, signal }: Bench): Promise<void> {
  signal.throwIfAborted()
  await database.query('truncate logs, log_aggregates, ingest_dead_letter')
  await database.query('checkpoint').catch(() => undefined) // for a superuser alone
}

/** Answers the bytes of all values. */
export async function fill(
  { signal }: Bench,
  { producer, topic, rows, shape = USUAL_SHAPE }: { producer: Producer; topic: string; rows: number; shape?: LogShape },
): Promise<number> {
  const random = new Random(1)
  let bytes = 0
  function* messages() {
    for (let index = 0; index < rows; index++) {
      if (index % 10_000 === 0) signal.throwIfAborted()
      const value = benchLog(random, index, shape)
      bytes += value.length
      yield { value }
    }
  }
  await sendAll({ producer, topic }, messages(), { rate: undefined, clock: () => performance.now() })
  return bytes
}

/** Records that the ledger counts. */
export async function progressOf({ database }: Bench, name: string): Promise<number> {
  const text = 'select coalesce(sum(records), 0) as n from ingest_ledger where namespace = $1'
  const { rows } = await database.query<{ n: string }>(text, [namespaceOf(name)])
  return Number(rows[0]?.n ?? 0)
}
