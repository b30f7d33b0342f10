/** `ledger resume`: an operator's word on a log that is not the one that was read, checked against Kafka and written down. */
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { type RecordLookup, recordLookup } from '../kafka/record-lookup.ts'
import { resumeLedger } from '../postgres/ledger-resume.ts'
import { databaseOptions } from './database.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { printable, printableJson } from './printable.ts'

type Wanted = number | 'start' | 'end'

/** Answers the exit code. */
export async function run(
  positions: readonly string[],
  { json }: { readonly json?: true | undefined },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const wanted = parsePositions(positions)
  const { config } = loadConfig(env)
  const { topic } = config.kafka
  const lookup = recordLookup(platformaticTransport(clusterOptions(config, 'insighthub-ledger')))
  try {
    const { clusterId, topicId } = await lookup.metadata(topic)
    const at = await offsetsOf(lookup, topic, wanted)
    const topicKey = topicId === '' ? '' : `${clusterId}:${topicId}`
    const { namespace } = config.database
    const resumed = await resumeLedger(databaseOptions(config, 'ledger'), { namespace, topic, topicKey, at })
    const lines = resumed.partitions.map(
      ({ partition, stoodAt, goesOnAt }) => `partition ${partition}: stood at ${stoodAt}, goes on at ${goesOnAt}\n`,
    )
    const done = `✓ incarnation ${resumed.incarnation} of ${printable(topic)}; now start the workers\n`
    process.stdout.write(json === true ? `${printableJson(resumed)}\n` : `${lines.join('')}${done}`)
    return 0
  } finally {
    await lookup.close()
  }
}

/** `3=4711`, `3=end`. Throws INPUT. */
export function parsePositions(positions: readonly string[]): Map<number, Wanted> {
  const wanted = new Map<number, Wanted>()
  for (const text of positions) {
    const [, partition, offset] = /^(\d{1,9})=(\d{1,15}|start|end)$/.exec(text) ?? []
    if (partition === undefined || offset === undefined) {
      throw new ProcessorError('INPUT', `${printable(text, 200)}: expected partition=offset, such as 3=4711 or 3=end`)
    }
    if (wanted.has(Number(partition))) throw new ProcessorError('INPUT', `partition ${partition} is named twice`)
    wanted.set(Number(partition), offset === 'start' || offset === 'end' ? offset : Number(offset))
  }
  return wanted
}

/** Rejects with INPUT where the log has no such offset, as the next worker would find nothing there, and as Kafka does. */
async function offsetsOf(
  lookup: RecordLookup,
  topic: string,
  wanted: ReadonlyMap<number, Wanted>,
): Promise<Map<number, number>> {
  const [starts, ends] = [await lookup.ends(topic, 'earliest'), await lookup.ends(topic, 'latest')]
  const at = new Map<number, number>()
  for (const [partition, offset] of wanted) {
    const [start, end] = [starts.get(partition), ends.get(partition)]
    if (start === undefined || end === undefined) {
      throw new ProcessorError('INPUT', `the topic ${printable(topic)} has no partition ${partition}`)
    }
    const exact = offset === 'start' ? start : offset === 'end' ? end : offset
    if (exact < start || exact > end) {
      throw new ProcessorError(
        'INPUT',
        `${partition}=${exact}: the log of partition ${partition} is from ${start} to ${end}`,
      )
    }
    at.set(partition, exact)
  }
  return at
}
