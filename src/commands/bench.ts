/**
 * `bench`: the figures of this machine. What psql's own COPY reaches into the same table is the limit; beside it the store alone,
 * the source alone and the whole service, interleaved so that a machine whose speed drifts treats all alike.
 */
import { execFile, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Figure, median, medianFigure, PARTS, type Part, page, type Report, table } from '../bench/figures.ts'
import { benchLog } from '../bench/logs.ts'
import { bucketsOf, quantile } from '../demo/age.ts'
import { Random } from '../demo/random.ts'
import { startWorkerProcess, type WorkerProcess } from '../demo/worker-process.ts'
import { peakRssMb, runPart } from './bench-part.ts'
import { type BenchStage, openBenchStage } from './bench-stage.ts'
import { sendAll } from './produce.ts'

export interface BenchOptions {
  readonly rows: number
  readonly rounds: number
  readonly write?: true | undefined
  readonly json?: true | undefined
  /** Used by the command itself: one part in a process of its own. */
  readonly part?: string | undefined
}

const run_ = promisify(execFile)
const PARTITIONS = 4
const AGE_RATE = 10_000
const AGE_SECONDS = 15
const COLUMNS =
  'service, level, message, latency_ms, anomaly_score, is_anomaly, created_at, user_id, metadata, ingest_topic_id, kafka_partition, kafka_offset, item, score_source, explanation'

interface Bench extends BenchStage {
  readonly options: BenchOptions
}

export async function run(options: BenchOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (options.part !== undefined) return runPart(options.part, options.rows, env)
  const closers: (() => Promise<unknown>)[] = []
  try {
    const bench: Bench = { options, ...(await openBenchStage(env, closers)) }
    const report = await measure(bench)
    const text = `${table(report)}\n`
    process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : text)
    if (options.json !== true) tellAges(report)
    if (options.write === true) await writeFile('docs/benchmarks.md', page(report))
    return 0
  } finally {
    for (const close of closers.reverse()) await close().catch(() => undefined)
  }
}

function tellAges({ serviceToPsql, age, notes }: Report): void {
  process.stdout.write(`service to psql, median of the rounds: ${serviceToPsql?.toFixed(2) ?? 'not known'}\n`)
  if (age !== null)
    process.stdout.write(`at ${age.rate} logs/s: p50 ${age.p50} ms, p99 ${age.p99} ms from produce to commit\n`)
  for (const note of notes) process.stdout.write(`${note}\n`)
}

async function measure(bench: Bench): Promise<Report> {
  const { options, database } = bench
  await load(bench)
  const all: Record<Part, Figure[]> = { psql: [], sink: [], source: [], service: [] }
  const notes: string[] = []
  const psql = spawnSync('psql', ['--version']).status === 0
  if (!psql) notes.push('psql is not on this machine, so the limit and the ratios are missing')
  // The first whole run fills the table that psql's file is written from; it is not counted.
  await service(bench, 'warm')
  const file = join(bench.folder, 'rows.txt')
  if (psql) await psqlCopy(bench, `\\copy (select ${COLUMNS} from logs) to '${file}'`)
  for (let round = 0; round < options.rounds; round++) {
    for (const part of PARTS) {
      if (part === 'psql' && !psql) continue
      await database.query('truncate logs, log_aggregates')
      await database.query('checkpoint').catch(() => undefined)
      all[part].push(await onePart(bench, part, { round, file }))
      process.stderr.write(`round ${round + 1} ${part}: ${Math.round(all[part].at(-1)?.rowsPerSecond ?? 0)} rows/s\n`)
    }
  }
  const ratio = (part: Part): number | null =>
    psql
      ? median(all[part].map((figure, round) => figure.rowsPerSecond / (all.psql[round]?.rowsPerSecond ?? Number.NaN)))
      : null
  const version = await database.query<{ server_version: string }>('show server_version')
  return {
    machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    postgres: `PostgreSQL ${version.rows[0]?.server_version ?? ''}`,
    broker: bench.brokerName,
    rows: options.rows,
    rounds: options.rounds,
    medians: Object.fromEntries(
      PARTS.filter((part) => all[part].length > 0).map((part) => [part, medianFigure(all[part])]),
    ),
    all,
    serviceToPsql: ratio('service'),
    sinkToPsql: ratio('sink'),
    age: await ages(bench),
    notes,
  }
}

async function load({ producer, topic, options }: Bench): Promise<void> {
  await producer.createTopic(topic, PARTITIONS)
  const random = new Random(1)
  function* messages() {
    for (let index = 0; index < options.rows; index++) yield { value: benchLog(random, index) }
  }
  await sendAll({ producer, topic }, messages(), { rate: undefined, clock: () => performance.now() })
}

function onePart(bench: Bench, part: Part, at: { round: number; file: string }): Promise<Figure> {
  switch (part) {
    case 'psql':
      return psqlRound(bench, at.file)
    case 'service':
      return service(bench, `service-${at.round}`)
    default:
      return child(bench, part, `${part}-${at.round}`)
  }
}

function childEnv(bench: Bench, name: string, topic = bench.topic): Record<string, string | undefined> {
  const id = `bench-${process.pid}-${name}`
  return {
    ...bench.env,
    ...bench.kafkaEnv,
    KAFKA_TOPIC: topic,
    KAFKA_GROUP_ID: id,
    INSIGHTHUB_NAMESPACE: id,
    KAFKA_START: 'earliest',
    ...(bench.databaseUrl === undefined ? {} : { DATABASE_URL: bench.databaseUrl }),
    DB_SCHEMA: bench.schema,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
  }
}

async function child(bench: Bench, part: Part, name: string): Promise<Figure> {
  const args = [process.argv[1] ?? '', 'bench', '--part', part, '--rows', String(bench.options.rows)]
  const { stdout } = await run_(process.execPath, args, { env: childEnv(bench, name) })
  const figure: Figure = JSON.parse(stdout)
  return figure
}

async function psqlCopy({ access, schema, env }: Bench, command: string): Promise<void> {
  const { host, port, user, database, password } = access
  const args = [
    '-q',
    '-X',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    host,
    '-p',
    String(port),
    '-U',
    user,
    '-d',
    database,
    '-c',
    command,
  ]
  await run_('psql', args, { env: { ...env, PGPASSWORD: password ?? '', PGOPTIONS: `-c search_path=${schema}` } })
}

async function psqlRound(bench: Bench, file: string): Promise<Figure> {
  const startedMs = performance.now()
  await psqlCopy(bench, `\\copy logs (${COLUMNS}) from '${file}'`)
  const seconds = (performance.now() - startedMs) / 1000
  return { rowsPerSecond: bench.options.rows / seconds, cpuSecondsPerMillion: null, peakRssMb: null }
}

async function startWorker(bench: Bench, name: string, topic?: string): Promise<WorkerProcess> {
  return startWorkerProcess({
    entry: process.argv[1] ?? '',
    env: childEnv(bench, name, topic),
    logFile: join(bench.folder, `${name}.log`),
    readyTimeoutMs: 60_000,
  })
}

async function progress({ database }: Bench, name: string): Promise<number> {
  const { rows } = await database.query<{ n: string }>(
    'select coalesce(sum(records), 0) as n from ingest_ledger where namespace = $1',
    [`bench-${process.pid}-${name}`],
  )
  return Number(rows[0]?.n ?? 0)
}

async function cpuSeconds(worker: WorkerProcess): Promise<number> {
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(await worker.metrics())?.[1] ?? Number.NaN)
}

/** Steady: from the first transaction to the start of the last, by the rows' own times. */
async function service(bench: Bench, name: string): Promise<Figure> {
  const worker = await startWorker(bench, name)
  try {
    const [cpuBefore, rowsBefore] = [await cpuSeconds(worker), await progress(bench, name)]
    const deadline = performance.now() + 600_000
    while ((await progress(bench, name)) < bench.options.rows) {
      if (performance.now() > deadline)
        throw new Error(`the service stopped at ${await progress(bench, name)} rows; see ${worker.logFile}`)
      await sleep(50)
    }
    const cpu = (await cpuSeconds(worker)) - cpuBefore
    const { rows } = await bench.database.query<{ n: string; seconds: number }>(`
      select count(*) filter (where ingested_at < last) as n, extract(epoch from last - first)::float8 as seconds
        from logs, (select min(ingested_at) as first, max(ingested_at) as last from logs) ends
       group by first, last`)
    const { n, seconds } = rows[0] ?? { n: '0', seconds: Number.NaN }
    return {
      rowsPerSecond: Number(n) / seconds,
      cpuSecondsPerMillion: (cpu / (bench.options.rows - rowsBefore)) * 1e6,
      peakRssMb: peakRssMb(worker.pid),
    }
  } finally {
    await worker.stop()
  }
}

async function ages(bench: Bench): Promise<Report['age']> {
  const topic = `${bench.topic}-age`
  await bench.producer.createTopic(topic, PARTITIONS)
  await bench.database.query('truncate logs, log_aggregates')
  const worker = await startWorker(bench, 'age', topic)
  try {
    const random = new Random(2)
    const total = AGE_RATE * AGE_SECONDS
    function* messages() {
      for (let index = 0; index < total; index++) yield { value: benchLog(random, index) }
    }
    await sendAll({ producer: bench.producer, topic }, messages(), { rate: AGE_RATE, clock: () => performance.now() })
    const deadline = performance.now() + 60_000
    while ((await progress(bench, 'age')) < total && performance.now() < deadline) await sleep(50)
    const buckets = bucketsOf(await worker.metrics(), 'insighthub_age_at_commit_seconds')
    const ms = (q: number): number | null => {
      const value = quantile(buckets, q)
      return value === null ? null : Math.round(value * 1000)
    }
    return { rate: AGE_RATE, seconds: AGE_SECONDS, p50: ms(0.5), p99: ms(0.99) }
  } finally {
    await worker.stop()
  }
}
