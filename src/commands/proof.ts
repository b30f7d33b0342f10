/** One proof: workers, a stream of messages, one fault after the other, and the examination of what came of it. */
import { randomInt } from 'node:crypto'
import { release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { saidOf } from '../audit/differences.ts'
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { type RecordLookup, recordLookup } from '../kafka/record-lookup.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import { clockOffsetMs, latestClock } from '../postgres/database-clock.ts'
import { logsIsHypertable } from '../postgres/migrate.ts'
import { roundHalfEven } from '../postgres/round-half-even.ts'
import type { ProofFacts } from '../proof/certificate.ts'
import { Comparison } from '../proof/comparison.ts'
import { examine } from '../proof/examination.ts'
import { expectedMs, FAULTS, type InjectedFault, plannedFaults, STANDSTILL_MS } from '../proof/faults.ts'
import { inject } from '../proof/injection.ts'
import { LedgerWatch } from '../proof/ledger-watch.ts'
import { Load } from '../proof/load.ts'
import { Team } from '../proof/team.ts'
import { ModelScorer } from '../scoring/model-scorer.ts'
import { audit } from './audit.ts'
import { withSettings } from './given.ts'
import { normalizeLimits } from './normalize-limits.ts'
import { PARTITIONS, type Stage } from './proof-stage.ts'

export interface ProveOptions {
  readonly minutes: number
  readonly seed?: number | undefined
  readonly rate: number
  readonly workers: number
  readonly keep?: true | undefined
  readonly json?: true | undefined
}

const NAMESPACE = 'prove'
const SESSION_TIMEOUT_MS = 6_000
/** What recovery may take at most when an owner dies: the session, and the claim with its replay. */
const LATE_AFTER_MS = SESSION_TIMEOUT_MS + 3_000
/** For draining, examining and cleaning up: a share of the time, within bounds. */
const END_SHARE = 0.2
const END_MS = { min: 12_000, max: 60_000 }

interface ProofParts {
  readonly options: ProveOptions
  readonly env: NodeJS.ProcessEnv
  readonly version: string
  readonly stage: Stage
  readonly folder: string
  readonly tell: (text: string) => void
  readonly signal: AbortSignal
}

export class Proof {
  readonly #parts: ProofParts
  readonly #seed: number
  readonly #team: Team
  readonly #watch: LedgerWatch
  readonly #load: Load
  readonly #incidents: string[] = []

  constructor(parts: ProofParts) {
    const { options, env, stage, folder } = parts
    this.#parts = parts
    this.#seed = options.seed ?? randomInt(2 ** 31)
    this.#watch = new LedgerWatch(stage.database)
    this.#team = new Team({
      entry: process.argv[1] ?? '',
      env: withSettings(withSettings(env, stage.env), WORKER_ENV),
      folder,
      signal: parts.signal,
    })
    const { producer, topic } = stage
    const clock = (): number => performance.now()
    const stored = async () => {
      const positions = await this.#watch.positions()
      return positions === null ? null : new Map([...positions].map(([partition, at]) => [partition, at.nextOffset]))
    }
    const { rate } = options
    this.#load = new Load({ producer, topic, partitions: PARTITIONS, seed: this.#seed, rate, clock, sleep, stored })
  }

  async run(): Promise<ProofFacts> {
    const { options, tell } = this.#parts
    const startedAt = new Date().toISOString()
    await this.#team.start() // the first one alone migrates
    await Promise.all(Array.from({ length: options.workers - 1 }, () => this.#team.start()))
    tell(`✓ ${options.workers} workers; ${options.rate} messages a second, seed ${this.#seed}`)
    const faults = await this.#stream()
    const drained = await this.#drained()
    if (this.#parts.signal.aborted) throw new ProcessorError('INTERRUPTED', 'Interrupted before it was done')
    const codes = await this.#team.stopAll()
    if (codes.some((code) => code !== 0))
      this.#incidents.push(`workers that were asked to stop exited with ${codes.join(', ')}`)
    tell('Reading everything back ...')
    return { ...(await this.#examined()), startedAt, faults, drained, ...this.#described() }
  }

  async close(): Promise<void> {
    await this.#team.killAll()
    await this.#watch.close()
  }

  /** Messages all the time, and one fault after the other until the time is up. */
  async #stream(): Promise<InjectedFault[]> {
    const { options, signal } = this.#parts
    const totalMs = options.minutes * 60_000
    // performance.now() counts from the start of the process: the whole command takes the minutes, not this part of it.
    const endMs = totalMs - Math.min(END_MS.max, Math.max(END_MS.min, totalMs * END_SHARE))
    const stop = new AbortController()
    const faults: InjectedFault[] = []
    const startedMs = performance.now()
    const sending = this.#load.run(stop.signal)
    try {
      for (const planned of plannedFaults(this.#seed)) {
        await sleep(planned.restMs)
        if (signal.aborted) throw new ProcessorError('INTERRUPTED', 'Interrupted before it was done')
        const leftMs = endMs - performance.now()
        if (leftMs <= 0) break
        if (leftMs < expectedMs(planned.kind, SESSION_TIMEOUT_MS)) continue
        faults.push(await this.#fault(planned, startedMs))
      }
    } finally {
      stop.abort()
      await sending
    }
    if (this.#load.failures > 0) {
      this.#parts.tell(
        `  ${this.#load.failures} sends failed and may or may not be in the topic: ${this.#load.lastFailure}`,
      )
    }
    if (this.#load.heldBackMs > 0) {
      const seconds = (this.#load.heldBackMs / 1000).toFixed(0)
      this.#parts.tell(
        `  for ${seconds} s nothing was sent: the workers were too far behind (a slow machine, or a rate too high)`,
      )
    }
    return faults
  }

  async #fault(planned: Parameters<typeof inject>[0], startedMs: number): Promise<InjectedFault> {
    const { signal, tell } = this.#parts
    const scene = { team: this.#team, watch: this.#watch, load: this.#load, sessionTimeoutMs: SESSION_TIMEOUT_MS }
    const clock = (): number => performance.now()
    const fault = await inject(planned, { ...scene, clock, sleep, startedMs, signal })
    const recovered =
      fault.recoveredMs === null ? 'not recovered' : `on again after ${(fault.recoveredMs / 1000).toFixed(1)} s`
    const at = `${(fault.atMs / 1000).toFixed(0).padStart(5)} s`
    tell(
      `${at}  ${fault.kind.padEnd(9)}  ${recovered.padEnd(22)} ${FAULTS[fault.kind]}${fault.wrong === null ? '' : `; ${fault.wrong}`}`,
    )
    return fault
  }

  /** False where the line stands still before the end of the topic. */
  async #drained(): Promise<boolean> {
    const { topic } = this.#parts.stage
    const lookup = this.#lookup()
    let movedMs = performance.now()
    let before = -1
    try {
      // Kafka's own word: what it did not acknowledge may be there all the same.
      const ends = await lookup.ends(topic, 'latest')
      while (performance.now() - movedMs < STANDSTILL_MS && !this.#parts.signal.aborted) {
        const positions = await this.#watch.positions()
        const sum = [...(positions?.values() ?? [])].reduce((all, { nextOffset }) => all + nextOffset, 0)
        if (sum > before) movedMs = performance.now()
        before = Math.max(before, sum)
        const behind = [...ends].filter(([partition, end]) => (positions?.get(partition)?.nextOffset ?? 0) < end)
        if (behind.length === 0) return true
        await sleep(100)
      }
      return false
    } finally {
      await lookup.close()
    }
  }

  #lookup(): RecordLookup {
    return recordLookup(platformaticTransport(this.#parts.stage.cluster))
  }

  async #examined() {
    const { stage, env } = this.#parts
    const { database, topic, cluster } = stage
    const { config } = loadConfig(withSettings(env, stage.env))
    const limits = normalizeLimits(config, await logsIsHypertable(database))
    const comparison = new Comparison({ lateAfterMs: LATE_AFTER_MS, round: roundHalfEven })
    // Scores are a function of the records: a worker that was killed must have given those of one that never was.
    const { profile, threshold, servicesMax } = config.scoring
    const scorer = new ModelScorer({ profile, threshold, servicesMax })
    const lookup = this.#lookup()
    const numbers = new Set<number>()
    let inTopic = 0
    const now = await latestClock(database, { now: Date.now, clock: () => performance.now() })
    try {
      await examine({
        database,
        lookup,
        topic,
        partitions: PARTITIONS,
        normalize: createNormalizer(limits, now),
        score: async (events) => scorer.judge(events),
        comparison,
        clockOffsetMs: await clockOffsetMs(database, Date.now),
        found: ({ key }) => {
          inTopic++
          numbers.add(Number(key?.toString()))
        },
      })
    } finally {
      await lookup.close()
    }
    let lostByKafka = 0
    for (let number = 0; number < this.#load.sent; number++)
      if (this.#load.isAcked(number) && !numbers.has(number)) lostByKafka++
    const audited = await audit({ database, cluster, namespace: NAMESPACE, topic, group: topic })
    return {
      messages: { sent: this.#load.sent, acked: this.#load.ackedCount, inTopic, lostByKafka },
      rows: {
        expected: comparison.rowsExpected,
        stored: comparison.rowsStored,
        late: comparison.late,
        ageMsMax: comparison.ageMsMax,
      },
      letters: { expected: comparison.lettersExpected, stored: comparison.lettersStored },
      findings: comparison.counts,
      examples: comparison.examples,
      audit: audited.differences.map(saidOf),
    }
  }

  #described() {
    const { options, stage, version } = this.#parts
    return {
      seed: this.#seed,
      minutes: options.minutes,
      finishedAt: new Date().toISOString(),
      versions: {
        processor: version,
        node: process.version,
        system: `${process.platform} ${release()}`,
        ...stage.versions,
      },
      settings: {
        topic: stage.topic,
        schema: stage.schema,
        partitions: PARTITIONS,
        workers: options.workers,
        'messages a second': options.rate,
        'session timeout ms': SESSION_TIMEOUT_MS,
      },
      lateAfterMs: LATE_AFTER_MS,
      incidents: this.#incidents,
    }
  }
}

/** On top of the environment of `process`, whatever it says. */
const WORKER_ENV = {
  KAFKA_START: 'earliest',
  KAFKA_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
  KAFKA_HEARTBEAT_INTERVAL_MS: '1000',
  INSIGHTHUB_NAMESPACE: NAMESPACE,
  DB_MIGRATE: 'true',
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '0',
  LOG_FORMAT: 'text',
  // What would make scores depend on more than the partition's own records.
  ML_ENGINE_URL: '',
  ANOMALY_BUDGET_PER_DAY: '',
  ANOMALY_BUDGET_PER_SERVICE_DAY: '',
} as const
