/** One worker: its parts, in the order they are opened, the line through them, and what it says of itself. */
import { hostname } from 'node:os'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { isRetriable, messageOf, ProcessorError } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import { startHttp } from '../http/server.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { decodeHeaders } from '../kafka/record-headers.ts'
import { KafkaSource } from '../kafka/source.ts'
import { LogPool } from '../log-pool.ts'
import type { Mute } from '../mute.ts'
import type { NormalizeLimits } from '../normalize/limits.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import { run as runPipeline } from '../pipeline.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import { latestClock } from '../postgres/database-clock.ts'
import { purgeDeadLetters } from '../postgres/dead-letter-retention.ts'
import { PostgresLedger } from '../postgres/ledger.ts'
import { LogStore } from '../postgres/log-store.ts'
import { checkMigrated, logsIsHypertable, migrate } from '../postgres/migrate.ts'
import { readMutes } from '../postgres/mute-table.ts'
import { ModelScorer } from '../scoring/model-scorer.ts'
import { MutingScorer } from '../scoring/muting-scorer.ts'
import type { Telemetry } from '../telemetry.ts'
import { answerQuestions } from '../workers/channel.ts'
import { fetchLimits } from './fetch-limits.ts'
import { afterLargeRecords } from './heap.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { watchMutes } from './mute-watch.ts'
import { normalizeLimits } from './normalize-limits.ts'
import { type RemoteScoring, remoteScoring } from './remote-scoring.ts'
import { collectAtRest } from './rest-collection.ts'
import { keepRetention } from './retention.ts'
import { scorerSettings } from './scorer-settings.ts'
import { readinessOf, statusOf, type WorkerParts } from './worker-status.ts'

const MIB = 1024 * 1024
const REBALANCE_TIMEOUT_MS = 30_000
/** A join is answered when every member has joined: longer than the rebalance timeout. */
const REQUEST_TIMEOUT_MS = 45_000
const START_RETRY_MS = 1_000

interface World {
  readonly clock: () => number
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
}
export const world: World = {
  clock: () => performance.now(),
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  random: () => Math.random(),
}

export interface ServiceOptions {
  readonly config: Config
  readonly telemetry: Telemetry
  readonly database: DatabaseOptions
  readonly version: string
  readonly deadline: AbortSignal
}

/** The parts of one worker, in the order they are opened. */
export class Service {
  readonly #options: ServiceOptions
  readonly #ledger: PostgresLedger
  readonly #store: LogStore
  readonly #model: ModelScorer
  /** null: the model in this process judges alone. */
  readonly #remote: RemoteScoring | null
  readonly #muting: MutingScorer
  readonly #source: KafkaSource
  readonly #transport: ReturnType<typeof platformaticTransport>
  #http: { close(): Promise<void> } | null = null
  #stopping = false

  constructor(options: ServiceOptions) {
    const { config, telemetry, database } = options
    const { kafka, limits } = config
    const { namespace } = config.database
    this.#options = options
    this.#transport = platformaticTransport({
      ...clusterOptions(config, 'insighthub-processor'),
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    })
    this.#ledger = new PostgresLedger({
      database,
      namespace,
      group: kafka.groupId,
      owner: `${hostname()}:${process.pid}`,
    })
    this.#store = new LogStore({
      database,
      namespace,
      topic: kafka.topic,
      pinned: () => this.#ledger.pinned(),
      deadLetterBytesMax: limits.deadLetterBytesMax,
      decodeHeaders,
      reserveIds: () => telemetry.reserveIds(),
      events: telemetry,
      lanes: config.database.poolSize,
      sleep: world.sleep,
      random: world.random,
      signal: options.deadline,
    })
    this.#model = new ModelScorer({
      ...scorerSettings(config),
      failed: ({ partition, logs, error }) =>
        telemetry.warning(
          `the model failed on ${logs} logs of partition ${partition}, the rules judged: ${messageOf(error)}`,
        ),
      refused: (what) => telemetry.snapshotRefused(what),
    })
    const behind = (): boolean => this.#lagRecords() > 2 * this.#source.status().batching.rowsMax
    this.#remote = remoteScoring({
      scoring: config.scoring,
      model: this.#model,
      events: telemetry,
      behind,
      time: world,
    })
    this.#muting = new MutingScorer(this.#remote?.scorer ?? this.#model)
    this.#source = new KafkaSource({
      transport: this.#transport,
      ledger: this.#ledger,
      events: telemetry,
      detector: this.#model,
      time: world,
      turn: setImmediate,
      topic: kafka.topic,
      groupId: kafka.groupId,
      startPolicy: kafka.start,
      sessionTimeoutMs: kafka.sessionTimeoutMs,
      heartbeatIntervalMs: kafka.heartbeatIntervalMs,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      lanes: config.database.poolSize,
      rowsMax: limits.batchRowsMax,
      bytesMax: limits.batchBytesMax,
      intervalMs: limits.batchIntervalMs,
      ageTargetMs: limits.ageTargetMs,
      ...fetchLimits(limits.memoryLimitMb, limits.messageBytesMax),
      largeRecords: afterLargeRecords(limits.memoryLimitMb),
    })
  }

  answerSupervisor(): void {
    answerQuestions(process, {
      readiness: () => readinessOf(this.#parts()),
      status: () => statusOf(this.#parts()),
      metrics: () => this.#metrics(),
    })
  }

  async openHttp(): Promise<void> {
    const { config, telemetry } = this.#options
    const { host, port } = config.http
    const http = await startHttp({
      host,
      port,
      readiness: () => readinessOf(this.#parts()),
      live: () => true,
      status: () => statusOf(this.#parts()),
      metrics: () => this.#metrics(),
    })
    this.#http = http
    telemetry.say(`✓ Health and metrics on ${http.address}`)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { telemetry } = this.#options
    const prepared = await this.#untilDone(signal, () => this.#prepareDatabase())
    await this.#untilDone(signal, () => this.#watchMutes(signal))
    if (prepared === null || signal.aborted) return
    const pool = new LogPool()
    const normalize = createNormalizer(prepared.limits, prepared.now, pool)
    void this.#keepRetention(signal)
    const stopCollecting = collectAtRest(() => this.#model.learned)
    const store = this.#remote?.watched(this.#store) ?? this.#store
    const announce = setInterval(() => {
      if (!readinessOf(this.#parts()).ready) return
      clearInterval(announce)
      telemetry.started()
    }, 20)
    try {
      await runPipeline(
        {
          source: this.#source,
          normalize: (range) => {
            const normalized = normalize(range)
            failpoint(range.purpose === 'warm-up' ? 'in_warm_up' : 'after_parse')
            return normalized
          },
          scorer: this.#muting,
          store: {
            commit: (batch) => {
              failpoint('after_score')
              return store.commit(batch)
            },
          },
          finished: (batch, outcomes, startedMs) => {
            telemetry.batchFinished({ batch, outcomes, durationMs: world.clock() - startedMs })
            for (const { logs } of batch.ranges) pool.release(logs)
          },
          clock: world.clock,
        },
        signal,
      )
    } finally {
      clearInterval(announce)
      stopCollecting()
      this.#stopping = true
    }
  }

  async close(): Promise<void> {
    await this.#source.close(1_000)
    this.#remote?.close()
    await this.#transport.close()
    await this.#store.close()
    await this.#ledger.close()
    await this.#http?.close()
  }

  /** Never rejects. */
  #keepRetention(signal: AbortSignal): Promise<void> {
    const { config, telemetry, database } = this.#options
    const { deadLetterDaysMax: daysMax, deadLetterTableMbMax } = config.limits
    const limits = { daysMax, bytesMax: deadLetterTableMbMax * MIB }
    const purge = () => purgeDeadLetters(database, config.database.namespace, limits)
    return keepRetention({ purge, events: telemetry, sleep: world.sleep, random: world.random }, signal)
  }

  async #prepareDatabase(): Promise<{ limits: NormalizeLimits; now: () => number }> {
    const { config, telemetry, database } = this.#options
    if (config.database.migrate) await migrate({ database, events: telemetry })
    else await checkMigrated(database)
    await this.#store.open()
    const limits = normalizeLimits(config, await logsIsHypertable(database))
    return { limits, now: await latestClock(database, world) }
  }

  async #watchMutes(signal: AbortSignal): Promise<void> {
    const { config, telemetry, database } = this.#options
    const options = {
      read: () => readMutes({ database, namespace: config.database.namespace }),
      apply: (mutes: readonly Mute[]) => this.#muting.replace(mutes),
      failed: (error: unknown) => telemetry.warning(`the mutes could not be read again: ${messageOf(error)}`),
      sleep: world.sleep,
    }
    await watchMutes(options, signal)
  }

  /** Again and again while the world is not ready; anything a retry can't cure ends the start. null: the signal came first. */
  async #untilDone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
    const { telemetry } = this.#options
    while (!signal.aborted) {
      try {
        return await work()
      } catch (error) {
        if (error instanceof ProcessorError && !isRetriable(error)) throw error
        telemetry.postgresUnavailable({ error, retryInMs: START_RETRY_MS })
        await world.sleep(START_RETRY_MS, signal).catch(() => undefined)
      }
    }
    return null
  }

  #lagRecords(): number {
    return this.#source
      .status()
      .partitions.reduce((sum, each) => sum + Math.max(0, each.endOffset - each.nextOffset), 0)
  }

  #metrics(): Promise<string> {
    const { telemetry } = this.#options
    telemetry.models(this.#model.stats())
    return telemetry.metricsText()
  }

  #parts(): WorkerParts {
    return {
      ...this.#options,
      source: this.#source.status(),
      store: this.#store.state,
      model: () => this.#model.stats(),
      remote: this.#remote,
      stopping: this.#stopping,
    }
  }
}
