/** The ledger's side that the Kafka source uses: pin, claim, release. Positions themselves move only in a flush (lane.ts). */
import { randomInt } from 'node:crypto'
import { ProcessorError } from '../errors.ts'
import type { Claim, Ledger, PinnedTopic, PinRequest, StartOffset } from '../ledger.ts'
import { type ClaimRow, claimOf } from './claim-row.ts'
import type { DatabaseOptions } from './connection.ts'
import { type OpenSession, type Queries, type Session, sessionsOf } from './session.ts'
import { classify, sqlMessage } from './sql-errors.ts'

export interface PostgresLedgerOptions {
  readonly database: DatabaseOptions
  /** How the ledger connects. @default to `database` */
  readonly openSession?: OpenSession
  readonly namespace: string
  /** The consumer group: two groups into one table would each store everything. */
  readonly group: string
  /** This process, for people. */
  readonly owner: string
  /** By how much a claim raises an epoch, at least 1. @default drawn, see `drawnStep` */
  readonly epochStep?: () => number
}

const EPOCH_STEP_MAX = 2 ** 24
/**
 * A failover takes claims back, and who counted on from there would give an epoch of the lost time to another owner: a worker of
 * that time that wakes up would pass for it. So epochs are drawn. 10^9 claims of a partition fit into a number.
 */
const drawnStep = (): number => randomInt(1, EPOCH_STEP_MAX)

/** Partitions count as if each had held so many records more: a few say nothing of how traffic is shared out. */
const EVEN_RECORDS = 10_000
/** A live owner refreshes seen_at every 10 s; one that has not for so long is gone. */
const GONE_AFTER = '60 seconds'
const IDLE_LIMIT = `set local idle_in_transaction_session_timeout = '10s'`

export class PostgresLedger implements Ledger {
  readonly #options: PostgresLedgerOptions
  readonly #open: OpenSession
  #session: Session | null = null
  #topic = ''
  #pinned: PinnedTopic | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: PostgresLedgerOptions) {
    this.#options = options
    this.#open = options.openSession ?? sessionsOf(options.database)
  }

  /** What `pin` answered last. */
  pinned(): PinnedTopic {
    if (this.#pinned === null) throw new ProcessorError('POSTGRES_BROKEN_INVARIANT', 'no topic is pinned yet')
    return this.#pinned
  }

  async pin(request: PinRequest): Promise<PinnedTopic> {
    const pinned = await this.#inTurn((client) => transaction(client, () => this.#pin(client, request)))
    this.#topic = request.topic
    this.#pinned = pinned
    return pinned
  }

  async claim(
    partitions: readonly number[],
  ): Promise<{ claims: Claim[]; refused: { partition: number; group: string }[] }> {
    return this.#inTurn((client) => transaction(client, () => this.#claim(client, partitions)))
  }

  async release(partitions: readonly number[], { leaving } = { leaving: false }): Promise<void> {
    await this.#quietly(
      `update ingest_ledger
          set owner = null${leaving ? ', owner_group = null' : ''}
        where namespace = $1 and topic = $2 and incarnation = $3 and part = any($4)
          and owner = $5`,
      partitions,
    )
  }

  async seen(partitions: readonly number[]): Promise<void> {
    await this.#quietly(
      `update ingest_ledger
          set seen_at = clock_timestamp()
        where namespace = $1 and topic = $2 and incarnation = $3 and part = any($4)
          and owner = $5`,
      partitions,
    )
  }

  async close(): Promise<void> {
    const client = this.#session
    this.#session = null
    if (client !== null) await client.close()
  }

  async #pin(client: Queries, request: PinRequest): Promise<PinnedTopic> {
    const { namespace } = this.#options
    const { topic, topicKey } = request
    await client.query(IDLE_LIMIT)
    await client.query(`select pg_advisory_xact_lock(hashtextextended('insighthub ' || $1 || ' ' || $2, 0))`, [
      namespace,
      topic,
    ])
    const pinned = await client.query<{ id: number; incarnation: number; topic_key: string }>(
      `select id, incarnation, topic_key
         from ingest_topic
        where namespace = $1 and topic = $2
        order by incarnation desc`,
      [namespace, topic],
    )
    // An id that was pinned before is that topic again, or the view of a worker that slept: never another one.
    const known = pinned.rows.find((each) => topicKey !== '' && each.topic_key === topicKey) ?? pinned.rows[0]
    const recreated = known !== undefined && topicKey !== '' && known.topic_key !== '' && known.topic_key !== topicKey
    if (known !== undefined && !recreated) {
      if (known.topic_key === '' && topicKey !== '') {
        // A broker upgraded meanwhile tells it now; without it a topic made again would go unnoticed.
        await client.query('update ingest_topic set topic_key = $2 where id = $1', [known.id, topicKey])
      }
      await this.#addPartitions(client, request, { incarnation: known.incarnation, starts: new Map() })
      return { topicId: known.id, incarnation: known.incarnation, created: null }
    }
    const incarnation = (pinned.rows[0]?.incarnation ?? -1) + 1
    // A topic made again is younger than the pipeline: everything in it is new.
    const starts = known === undefined ? await request.startOffsets() : new Map<number, StartOffset>()
    const inserted = await client.query<{ id: number }>(
      `insert into ingest_topic (namespace, topic, incarnation, topic_key, pinned_partitions, start_policy)
       values ($1, $2, $3, $4, $5, $6)
       returning id`,
      [namespace, topic, incarnation, topicKey, request.partitions.length, request.startPolicy],
    )
    await this.#addPartitions(client, request, { incarnation, starts })
    return {
      topicId: inserted.rows[0]?.id ?? 0,
      incarnation,
      created: known === undefined ? 'first-start' : 'recreated',
    }
  }

  async #addPartitions(
    client: Queries,
    request: PinRequest,
    at: { incarnation: number; starts: ReadonlyMap<number, StartOffset> },
  ): Promise<void> {
    const starts = request.partitions.map((partition) => at.starts.get(partition))
    const offsets = starts.map((start) => start?.offset ?? 0)
    const leaderEpochs = starts.map((start) =>
      start === undefined || start.leaderEpoch < 0 ? null : start.leaderEpoch,
    )
    await client.query(
      // Epochs go on where the topic of this name before had come to: a batch of that one must not pass for one of this.
      `insert into ingest_ledger (namespace, topic, incarnation, part, base_offset, next_offset, epoch, leader_epoch)
       select $1, $2, $3, p, o, o,
              coalesce((select max(l.epoch) from ingest_ledger l where l.namespace = $1 and l.topic = $2 and l.part = p), 0), e
         from unnest($4::int[], $5::bigint[], $6::int[]) as a(p, o, e)
       on conflict do nothing`,
      [this.#options.namespace, request.topic, at.incarnation, request.partitions, offsets, leaderEpochs],
    )
  }

  async #claim(
    client: Queries,
    partitions: readonly number[],
  ): Promise<{ claims: Claim[]; refused: { partition: number; group: string }[] }> {
    const { group, owner, epochStep = drawnStep } = this.#options
    const key = this.#key()
    await client.query(`set local lock_timeout = '5s'`)
    // A worker that is stopped between these statements must not keep the rows from everybody else.
    await client.query(IDLE_LIMIT)
    // A partition that no group has yet (it was just added) belongs to the group that lives on the others.
    const held = await client.query<{ part: number; rival: string | null }>(
      `select part, case
                when owner_group = $6 then null
                when owner_group is not null and seen_at > clock_timestamp() - $5::interval then owner_group
                else (select min(o.owner_group) from ingest_ledger o
                       where o.namespace = $1 and o.topic = $2 and o.incarnation = $3
                         and o.owner_group <> $6 and o.seen_at > clock_timestamp() - $5::interval)
              end as rival
         from ingest_ledger
        where namespace = $1 and topic = $2 and incarnation = $3 and part = any($4)
        order by part
          for update`,
      [...key, partitions, GONE_AFTER, group],
    )
    const refused: { partition: number; group: string }[] = []
    const free: number[] = []
    for (const { part, rival } of held.rows) {
      if (rival !== null) refused.push({ partition: part, group: rival })
      else free.push(part)
    }
    const { rows } = await client.query<ClaimRow>(
      `with claimed as (
         update ingest_ledger
            set epoch = epoch + $7, owner = $5, owner_group = $6, claimed_at = clock_timestamp(), seen_at = clock_timestamp()
          where namespace = $1 and topic = $2 and incarnation = $3 and part = any($4)
         returning part, epoch, base_offset, next_offset, leader_epoch, tail_offset, tail_ts, tail_crc
       )
       select claimed.*, t.id as topic_id, s.at_offset, s.format, s.state,
              (select case when s.at_offset is null then 1.0 / count(*)
                           else (coalesce(sum(l.records) filter (where l.part = claimed.part), 0) + ${EVEN_RECORDS}) /
                                (sum(l.records) + ${EVEN_RECORDS} * count(*))
                      end
                 from ingest_ledger l
                where l.namespace = $1 and l.topic = $2 and l.incarnation = $3)::float8 as traffic_share
         from claimed
         join ingest_topic t
           on t.namespace = $1 and t.topic = $2 and t.incarnation = $3
         left join detector_snapshot s
           on s.namespace = $1 and s.topic = $2 and s.incarnation = $3 and s.part = claimed.part
        order by claimed.part`,
      [...key, free, owner, group, epochStep()],
    )
    // After a failover another worker may have pinned the same topic again, under another id.
    const topicId = rows[0]?.topic_id
    if (topicId !== undefined && this.#pinned !== null) this.#pinned = { ...this.#pinned, topicId }
    return { claims: rows.map(claimOf), refused }
  }

  #key(): [string, string, number] {
    return [this.#options.namespace, this.#topic, this.pinned().incarnation]
  }

  async #quietly(sql: string, partitions: readonly number[]): Promise<void> {
    if (this.#pinned === null || partitions.length === 0) return
    const values = [...this.#key(), partitions, this.#options.owner]
    await this.#inTurn((client) => client.query(sql, values)).catch(() => undefined)
  }

  /** One call at a time over the one connection, which is opened when needed and dropped after any error. */
  async #inTurn<T>(work: (client: Queries) => Promise<T>): Promise<T> {
    const before = this.#turn
    const mine = (async () => {
      await before.catch(() => undefined)
      let client: Session | null = null
      try {
        client = this.#session ?? (await this.#open())
        this.#session = client
        return await client.inTime(work(client))
      } catch (error) {
        this.#session = null
        if (client !== null) await client.close()
        throw asProcessorError(error)
      }
    })()
    this.#turn = mine
    return mine
  }
}

/** Explicit, so the COMMIT's tag is checked: an aborted transaction answers it with ROLLBACK and no error. */
async function transaction<T>(client: Queries, work: () => Promise<T>): Promise<T> {
  await client.query('begin isolation level read committed')
  const result = await work()
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new ProcessorError('POSTGRES_UNAVAILABLE', `COMMIT was answered with ${command}`)
  return result
}

export function asProcessorError(error: unknown): ProcessorError {
  if (error instanceof ProcessorError) return error
  switch (classify(error).kind) {
    case 'configuration':
    case 'poison':
      return new ProcessorError('POSTGRES_CONFIGURATION', sqlMessage(error), { cause: error })
    case 'broken':
      return new ProcessorError('POSTGRES_BROKEN_INVARIANT', sqlMessage(error), { cause: error })
    default:
      return new ProcessorError('POSTGRES_UNAVAILABLE', sqlMessage(error), { cause: error })
  }
}
