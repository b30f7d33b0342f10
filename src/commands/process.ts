/** `process`: the service. Runs the line until a signal, alone or as a supervisor of several workers, and closes it in time. */
import { availableParallelism, hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { watchEventLoop } from '../event-loop-watchdog.ts'
import { armFailpoint } from '../failpoint.ts'
import { createTelemetry } from '../telemetry.ts'
import { databaseOptions, plainTextWarning } from './database.ts'
import { keepHeapSmall } from './heap.ts'
import { Service, world } from './service.ts'
import { onFirstSignal } from './stop-signals.ts'
import { supervise } from './supervise.ts'

export interface ProcessOptions {
  /** How many workers at most; undefined: WORKERS, else one core less than there are. */
  readonly workers?: number | undefined
  /** This process is a worker: its number under the supervisor that it answers to. */
  readonly worker?: number | undefined
}

export async function run(options: ProcessOptions, env: NodeJS.ProcessEnv, version: string): Promise<number> {
  const { config, warnings } = loadConfig(env)
  const workers = options.workers ?? config.workers ?? Math.max(1, availableParallelism() - 1)
  const isWorker = options.worker !== undefined
  if (!isWorker && workers > 1) return supervise(workers, env, version)
  armFailpoint(env)
  keepHeapSmall(config.limits.memoryLimitMb)
  const unwatch = watchEventLoop()
  const telemetry = createTelemetry({
    format: config.console.format,
    logsPerSecondMax: config.console.logsPerSecondMax,
    write: (text) => void process.stdout.write(text),
    clock: world.clock,
    now: world.now,
    version,
  })
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => telemetry.consoleWriteLost())
  const database = databaseOptions(config, `process ${hostname()}:${process.pid}`)
  const plain = plainTextWarning(database)
  for (const warning of [...(isWorker ? [] : warnings), ...(plain === null ? [] : [plain])]) telemetry.warning(warning)
  const stop = new AbortController()
  const deadline = new AbortController()
  const ignoreSignals = onFirstSignal((signal) => {
    telemetry.stopping({ signal })
    stop.abort()
    setTimeout(() => deadline.abort(), config.limits.stopTimeoutMs).unref()
  })
  const service = new Service({ config, telemetry, database, version, deadline: deadline.signal })
  try {
    if (isWorker) service.answerSupervisor()
    else await service.openHttp()
    await Promise.race([service.run(stop.signal), overdue(deadline.signal)])
    telemetry.stopped()
    return 0
  } finally {
    ignoreSignals()
    unwatch()
    await Promise.race([service.close(), sleep(2_000)])
  }
}

/** Rejects a moment after the deadline, when even the store's own end of its retries did not end the run. */
async function overdue(deadline: AbortSignal): Promise<never> {
  await new Promise((done) => deadline.addEventListener('abort', done, { once: true }))
  await sleep(1_000)
  throw new ProcessorError(
    'STOP_DEADLINE',
    'the stop took longer than STOP_TIMEOUT_MS; what was not stored stays in Kafka',
  )
}
