/** `process` with several workers: each a process and a member of the group, under one supervisor with one HTTP port. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../config.ts'
import { type Readiness, startHttp } from '../http/server.ts'
import { Voice } from '../telemetry/console-lines.ts'
import { createSupervisorMetrics } from '../telemetry/supervisor-metrics.ts'
import { Channel } from '../workers/channel.ts'
import { mergedMetrics } from '../workers/merged-metrics.ts'
import { Supervisor, type WorkerEnd, type WorkerHandle } from '../workers/supervisor.ts'
import { WORKER_FLAGS, workerEnv } from '../workers/worker-env.ts'
import type { Status } from './status.ts'
import { onFirstSignal } from './stop-signals.ts'

const ANSWER_TIMEOUT_MS = 2_000

export async function supervise(workersMax: number, env: NodeJS.ProcessEnv, version: string): Promise<number> {
  const { config, warnings } = loadConfig(env)
  const voice = new Voice({
    format: config.console.format,
    write: (text) => void process.stdout.write(text),
    clock: () => performance.now(),
    now: () => Date.now(),
    version,
  })
  for (const warning of warnings) voice.warn('warning', warning, {}, warning.slice(0, 40))
  const metrics = createSupervisorMetrics()
  const supervisor = new Supervisor({
    workersMax,
    start: (slot) => startWorker(slot, env),
    clock: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    warn: (sentence) => voice.warn('worker', sentence, {}, sentence.slice(0, 40)),
    restarted: () => metrics.restarts.inc(),
  })
  const stop = new AbortController()
  const ignoreSignals = onFirstSignal((signal) => {
    voice.info('stopping', `Stopping (${signal}): the workers store what is in hand`, { signal })
    stop.abort()
    setTimeout(() => supervisor.killAll(), config.limits.stopTimeoutMs + 3_000).unref()
  })
  const replace = (): void => void supervisor.replaceAll()
  process.on('SIGHUP', replace)
  const http = await startHttp({
    ...config.http,
    live: () => true,
    readiness: () => readiness(supervisor),
    status: () => status(supervisor, version),
    metrics: async () => {
      metrics.workers.set(supervisor.workers.filter(({ pid }) => pid !== null).length)
      const pages = [...(await supervisor.ask('metrics'))].map(([slot, page]) => [String(slot), String(page)] as const)
      return `${await metrics.text()}${mergedMetrics(new Map(pages))}`
    },
  })
  voice.info('said', `✓ Health and metrics on ${http.address}, of up to ${workersMax} workers`)
  try {
    return await supervisor.run(stop.signal)
  } finally {
    ignoreSignals()
    process.removeListener('SIGHUP', replace)
    await http.close()
    voice.info('stopped', '✓ All workers stopped')
  }
}

/** In a process group of its own: Ctrl-C reaches the supervisor alone, and a supervisor that dies ends it by closing the channel. */
function startWorker(slot: number, env: NodeJS.ProcessEnv): WorkerHandle {
  const child = fork(process.argv[1] ?? '', ['process', '--worker', String(slot)], {
    env: workerEnv(env),
    execArgv: [...WORKER_FLAGS, ...process.execArgv],
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const killWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithUs)
  const channel = new Channel(child, ANSWER_TIMEOUT_MS)
  return {
    pid: child.pid ?? 0,
    exited: once(child, 'exit').then(([code, signal]): WorkerEnd => {
      process.removeListener('exit', killWithUs)
      return { code, signal }
    }),
    ask: (question) => channel.ask(question),
    stop: () => void child.kill('SIGTERM'),
    kill: killWithUs,
  }
}

async function readiness(supervisor: Supervisor): Promise<Readiness> {
  const answers = await supervisor.ask('readiness')
  const missing: string[] = []
  const degraded: string[] = []
  for (const { slot } of supervisor.workers) {
    const answer = answers.get(slot) as Readiness | undefined
    if (answer === undefined) missing.push(`worker ${slot}: no answer`)
    for (const what of answer?.missing ?? []) missing.push(`worker ${slot}: ${what}`)
    for (const what of answer?.degraded ?? []) degraded.push(`worker ${slot}: ${what}`)
  }
  if (answers.size === 0 && missing.length === 0) missing.push('no worker runs yet')
  return { ready: missing.length === 0, missing, degraded }
}

const NOTHING_KNOWN = { guarantee: '', topic: '', topic_partitions: 0, group: '', ml_engine: null }

/** One status of all: what they share from the first that answers, what each has of its own side by side. */
async function status(supervisor: Supervisor, version: string): Promise<Status> {
  const answers = [...(await supervisor.ask('status'))] as [number, Status][]
  const first = answers[0]?.[1]
  const { ready, missing, degraded } = await readiness(supervisor)
  // Each worker has a breaker of its own: one that is not closed says more than those that are.
  const troubled = answers.find(([, each]) => each.ml_engine !== null && each.ml_engine.breaker !== 'closed')?.[1]
  return {
    ...(troubled ?? first ?? NOTHING_KNOWN),
    version,
    ready,
    missing,
    degraded,
    member: answers.map(([, each]) => each.member).join(', '),
    generation: Math.max(-1, ...answers.map(([, each]) => each.generation)),
    store: [...new Set(answers.map(([, each]) => each.store))].join(', '),
    buffered_bytes: answers.reduce((sum, [, each]) => sum + each.buffered_bytes, 0),
    scores: answers.flatMap(([, each]) => each.scores),
    partitions: answers.flatMap(([, each]) => each.partitions).sort((a, b) => a.partition - b.partition),
    workers: supervisor.workers.map(({ slot, pid, ready: isReady, restarts }) => ({
      worker: slot,
      pid,
      ready: isReady,
      restarts,
    })),
  }
}
