/**
 * `audit`: does everything add up? Ledger, tables and dead letters in one snapshot of the database, and Kafka's offsets, by
 * partition, while the workers go on. Reads only. Exit code 0: no difference, 1: differences, each named.
 */
import type { KafkaCounts, TopicCounts } from '../audit/counts.ts'
import { type Difference, differencesOf, saidOf } from '../audit/differences.ts'
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import type { ClusterOptions } from '../kafka/broker-cluster.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { recordLookup } from '../kafka/record-lookup.ts'
import { readAuditCounts } from '../postgres/audit-counts.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import { databaseOptions } from './database.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { counted, printable, printableJson } from './printable.ts'
import { writeTable } from './table.ts'

export interface AuditOptions {
  readonly json?: true | undefined
}

export interface Audited {
  readonly topics: readonly TopicCounts[]
  readonly kafka: KafkaCounts
  readonly differences: readonly Difference[]
}

interface AuditParts {
  readonly database: DatabaseOptions
  readonly cluster: ClusterOptions
  readonly namespace: string
  readonly topic: string
  readonly group: string
}

/** Answers the exit code. */
export async function run(options: AuditOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { config } = loadConfig(env)
  const { topic, groupId: group } = config.kafka
  const { namespace } = config.database
  const audited = await audit({
    database: databaseOptions(config, 'audit'),
    cluster: clusterOptions(config, 'insighthub-audit'),
    namespace,
    topic,
    group,
  })
  const write = (text: string): void => void process.stdout.write(text)
  if (options.json === true) write(`${printableJson(plain(audited, topic))}\n`)
  else writeReport(audited, topic, write)
  return audited.differences.length === 0 ? 0 : 1
}

/**
 * Whatever only grows is asked in such an order that a worker's progress in between cannot look like a difference: first what
 * Kafka must have behind the ledger (its start, the committed offsets), then the database, then what must lie before it (its end).
 * Rejects with INPUT where the topic was never started, and as Kafka and the database do.
 */
export async function audit({ database, cluster, namespace, topic, group }: AuditParts): Promise<Audited> {
  const transport = platformaticTransport(cluster)
  const lookup = recordLookup(transport)
  try {
    const { clusterId, topicId, partitions: found } = await lookup.metadata(topic)
    const partitions = (found ?? []).map(({ partition }) => partition)
    const starts = await lookup.ends(topic, 'earliest')
    const coordinator = await transport.openGroup(group)
    const committed = await coordinator.committed(topic, partitions).finally(() => coordinator.close())
    const topics = await readAuditCounts(database, { namespace, topic })
    if (topics.length === 0) {
      throw new ProcessorError(
        'INPUT',
        `nothing of the topic ${printable(topic)} was ever started in the namespace ${printable(namespace)}`,
      )
    }
    const ends = await lookup.ends(topic, 'latest')
    const topicKey = topicId === '' ? '' : `${clusterId}:${topicId}`
    const kafka = { topicKey, partitions, starts, ends, committed }
    return { topics, kafka, differences: differencesOf(topics, kafka) }
  } finally {
    await lookup.close()
  }
}

function plain({ topics, kafka, differences }: Audited, topic: string): object {
  const offsets = kafka.partitions.map((partition) => ({
    partition,
    start: kafka.starts.get(partition) ?? null,
    end: kafka.ends.get(partition) ?? null,
    committed: kafka.committed.get(partition) ?? null,
  }))
  return { topic, ok: differences.length === 0, differences, incarnations: topics, kafka: offsets }
}

function writeReport({ topics, kafka, differences }: Audited, topic: string, write: (text: string) => void): void {
  for (const { incarnation, ledger, rows, letters } of topics) {
    const newest = incarnation === topics.at(-1)?.incarnation
    write(`${printable(topic)}${incarnation === 0 ? '' : `, incarnation ${incarnation}`}\n`)
    const header = [
      'partition',
      'from',
      'stored up to',
      'log end',
      'committed',
      'records',
      'rows',
      'dead',
      'skipped',
      'holes',
      'gaps',
      'rows in logs',
      'letters',
    ]
    const cells = ledger.map((each) => {
      const { partition } = each
      const offset = (offsets: ReadonlyMap<number, number>): string =>
        newest ? String(offsets.get(partition) ?? '-') : '-'
      return [
        partition,
        each.baseOffset,
        each.nextOffset,
        offset(kafka.ends),
        offset(kafka.committed),
        each.records,
        each.rows,
        each.dead,
        each.skipped,
        each.holes,
        each.gaps,
        rows.find((row) => row.partition === partition)?.rows ?? 0,
        letters.find((letter) => letter.partition === partition)?.letters ?? 0,
      ].map(String)
    })
    writeTable(write, [header, ...cells])
  }
  for (const difference of differences) write(`✗ ${saidOf(difference)}\n`)
  if (differences.length === 0)
    write('✓ no difference: every offset passed is a row, a dead letter, a skip, a hole or a gap that is there\n')
  else write(`${counted(differences.length, 'difference')}\n`)
}
