/** Everything that a run of chaos consists of, and how to bring it up and down. */
import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { Random } from '../../src/demo/random.ts'
import { Fleet } from './fleet.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { PostgresPair, startBouncer } from './postgres-pair.ts'
import { Progress } from './progress.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { Traffic } from './traffic.ts'

export const SESSION_MS = 6_000
export const TOPIC = 'logs'

export interface WorldOptions {
  readonly seed: number
  readonly brokers: 1 | 3
  readonly workers: number
  readonly partitions: number
  readonly rate: number
  /** Workers reach PostgreSQL through PgBouncer in transaction mode. */
  readonly pooled: boolean
  readonly standby: boolean
  /** So many logs in a row go to one partition. @default as the producer has it */
  readonly runMessages?: number
}

export class World {
  readonly options: WorldOptions
  readonly random: Random
  readonly kafka: KafkaCluster
  readonly postgres: PostgresPair
  readonly pgProxy: TcpProxy
  readonly bouncer: Awaited<ReturnType<typeof startBouncer>>
  readonly fleet: Fleet
  readonly traffic: Traffic
  readonly progress: Progress
  partitions: number

  private constructor(
    options: WorldOptions,
    parts: Pick<World, 'kafka' | 'postgres' | 'pgProxy' | 'bouncer' | 'fleet' | 'traffic'>,
  ) {
    this.options = options
    this.random = new Random(options.seed)
    this.kafka = parts.kafka
    this.postgres = parts.postgres
    this.pgProxy = parts.pgProxy
    this.bouncer = parts.bouncer
    this.fleet = parts.fleet
    this.traffic = parts.traffic
    this.partitions = options.partitions
    this.progress = new Progress({ ledger: () => this.ledger(), ends: () => this.traffic.ends() })
  }

  static async start(options: WorldOptions): Promise<World> {
    const [kafka, postgres] = await Promise.all([KafkaCluster.start(options.brokers), PostgresPair.start()])
    if (options.standby) await postgres.addStandby()
    const bouncer = options.pooled ? await startBouncer(postgres.primary.port) : null
    const pgProxy = await TcpProxy.start(bouncer?.port ?? postgres.primary.port)
    const fleet = new Fleet({
      KAFKA_BROKER: kafka.proxied,
      KAFKA_TOPIC: TOPIC,
      KAFKA_START: 'earliest',
      KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
      KAFKA_HEARTBEAT_INTERVAL_MS: '1000',
      DATABASE_URL: `postgres://postgres@127.0.0.1:${pgProxy.port}/insighthub`,
    })
    const traffic = await Traffic.start({ ...options, brokers: kafka.direct, topic: TOPIC })
    await traffic.createTopic()
    const world = new World(options, { kafka, postgres, pgProxy, bouncer, fleet, traffic })
    for (let at = 0; at < options.workers; at++) fleet.start()
    await Promise.all(fleet.workers.map((worker) => worker.ready()))
    return world
  }

  query = <R extends pg.QueryResultRow>(text: string, database?: string, values?: unknown[]): Promise<R[]> =>
    this.postgres.query<R>(text, database, values)

  /** Where the ledger stands, by partition. */
  async ledger(): Promise<Map<number, number>> {
    const rows = await this.query<{ part: number; next: string }>('select part, next_offset as next from ingest_ledger')
    return new Map(rows.map(({ part, next }) => [part, Number(next)]))
  }

  /** Nothing is broken any more; nobody must have a fault in hand. */
  heal(): void {
    this.kafka.heal()
    this.pgProxy.heal()
    this.fleet.heal(this.options.workers)
    this.traffic.hostileShare = 0.005
  }

  async close(): Promise<void> {
    await this.fleet.close()
    await this.traffic.close().catch(() => undefined)
    await this.pgProxy.close()
    await this.bouncer?.close()
    await this.postgres.close()
    await this.kafka.close()
  }
}

/** Backends of our workers, by PostgreSQL's own list. */
export async function workerBackends(world: World): Promise<number[]> {
  const rows = await world.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = 'insighthub' and backend_type = 'client backend' and pid <> pg_backend_pid()",
  )
  return rows.map(({ pid }) => pid)
}

/** T: stopped by a signal. */
export function isStopped(pid: number): boolean {
  try {
    return /State:\s+T/.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
