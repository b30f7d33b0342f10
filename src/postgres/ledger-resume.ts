/**
 * What an operator says of a log that is not the one that was read: from which offset on its records are new. That is another
 * incarnation of the topic, as if it had been made again: offsets that are used once more are then no duplicates. What was
 * stored stays, and the other partitions go on where they stand.
 */
import type pg from 'pg'
import { ProcessorError } from '../errors.ts'
import { close, connect, type DatabaseOptions, withDeadline } from './connection.ts'
import { asProcessorError } from './ledger.ts'

export interface ResumeRequest {
  readonly namespace: string
  readonly topic: string
  /** As Kafka tells it now: cluster id ':' topic id, or '' where it cannot tell. */
  readonly topicKey: string
  /** The offset to go on at, by partition. */
  readonly at: ReadonlyMap<number, number>
}

export interface Resumed {
  readonly incarnation: number
  readonly partitions: readonly { readonly partition: number; readonly stoodAt: number; readonly goesOnAt: number }[]
}

interface PartitionRow {
  readonly part: number
  readonly next_offset: string
  readonly epoch: string
  readonly owner: string | null
}

/** Rejects with INPUT where it makes no sense or workers live, and as the database does. */
export async function resumeLedger(database: DatabaseOptions, request: ResumeRequest): Promise<Resumed> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    await client.query('begin')
    const resumed = await withDeadline(client, resume(client, request))
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') throw new ProcessorError('POSTGRES_UNAVAILABLE', `COMMIT was answered with ${command}`)
    return resumed
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

async function resume(client: pg.Client, { namespace, topic, topicKey, at }: ResumeRequest): Promise<Resumed> {
  const name = [namespace, topic]
  // The lock that a starting worker takes.
  await client.query(`select pg_advisory_xact_lock(hashtextextended('insighthub ' || $1 || ' ' || $2, 0))`, name)
  const topics = await client.query<{ incarnation: number; topic_key: string }>(
    `select incarnation, topic_key
       from ingest_topic
      where namespace = $1 and topic = $2
      order by incarnation desc
      limit 1`,
    name,
  )
  const [newest] = topics.rows
  if (newest === undefined) throw new ProcessorError('INPUT', `nothing of the topic ${topic} was ever started`)
  if (topicKey !== '' && newest.topic_key !== '' && topicKey !== newest.topic_key) {
    throw new ProcessorError('INPUT', `the topic ${topic} was made again: the workers find that out by themselves`)
  }
  const { rows } = await client.query<PartitionRow>(
    `select part, next_offset, epoch,
            case when seen_at > clock_timestamp() - interval '60 seconds' then owner end as owner
       from ingest_ledger
      where namespace = $1 and topic = $2 and incarnation = $3
      order by part
        for update`,
    [...name, newest.incarnation],
  )
  refuse(rows, at)
  await client.query(
    `insert into ingest_topic (namespace, topic, incarnation, topic_key, pinned_partitions, start_policy)
     values ($1, $2, $3, $4, $5, 'operator')`,
    [...name, newest.incarnation + 1, newest.topic_key, rows.length],
  )
  const partitions = rows.map(({ part, next_offset }) => {
    const stoodAt = Number(next_offset)
    return { partition: part, stoodAt, goesOnAt: at.get(part) ?? stoodAt }
  })
  await client.query(
    `insert into ingest_ledger (namespace, topic, incarnation, part, base_offset, next_offset, epoch)
     select $1, $2, $3, p, o, o, e
       from unnest($4::int[], $5::bigint[], $6::bigint[]) as a(p, o, e)`,
    [
      ...name,
      newest.incarnation + 1,
      partitions.map(({ partition }) => partition),
      partitions.map(({ goesOnAt }) => goesOnAt),
      rows.map(({ epoch }) => epoch),
    ],
  )
  return { incarnation: newest.incarnation + 1, partitions: partitions.filter(({ partition }) => at.has(partition)) }
}

function refuse(rows: readonly PartitionRow[], at: ReadonlyMap<number, number>): void {
  const known = new Set(rows.map(({ part }) => part))
  const unknown = [...at.keys()].find((partition) => !known.has(partition))
  if (unknown !== undefined) throw new ProcessorError('INPUT', `the ledger has no partition ${unknown}`)
  const owner = rows.find((each) => each.owner !== null)?.owner ?? null
  if (owner !== null) {
    throw new ProcessorError(
      'INPUT',
      `${owner} works on this topic: stop all workers; one that was killed is gone after 60 s`,
    )
  }
}
