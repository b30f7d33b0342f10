/**
 * `npm run bench:peers`: this program beside what could be run instead, on a real Kafka; `-- --help` tells its options.
 */
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from '@commander-js/extra-typings'
import { benchLog } from '../../src/bench/logs.ts'
import { openBenchStage } from '../../src/commands/bench-stage.ts'
import { positive } from '../../src/commands/number-arguments.ts'
import { onFirstSignal } from '../../src/commands/stop-signals.ts'
import { Random } from '../../src/demo/random.ts'
import { messageOf } from '../../src/errors.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { realKafka } from '../real-kafka.ts'
import { bento } from './bento.ts'
import { kafkaConnect } from './kafka-connect.ts'
import { type Arena, type Course, killPeer, measurePeer } from './measure.ts'
import { original } from './original.ts'
import { ours } from './ours.ts'
import { here, type Peer } from './peer.ts'
import { psqlResult } from './psql.ts'
import { type Comparison, comparisonPage, comparisonTable, leadLine, type PeerResult } from './table.ts'
import { telegraf } from './telegraf.ts'

const PEERS: readonly Peer[] = [ours, telegraf, ...bento, ...kafkaConnect, original]
const PARTITIONS = 4

const ROWS_MIN = 1_000

function rowCount(text: string): number {
  const value = positive(text)
  if (value < ROWS_MIN) throw new InvalidArgumentError(`expected at least ${ROWS_MIN}`)
  return value
}

function partOfName(text: string): string {
  const part = text.toLowerCase()
  if (PEERS.some(({ name }) => name.toLowerCase().includes(part))) return part
  throw new InvalidArgumentError('none has that in its name; --help lists them')
}

const program = new Command('npm run bench:peers --')
  .description(
    'This program beside what could be run instead: the same topic, rows, table and machine, and a kill of each.',
  )
  .option('--rows <n>', 'logs a round', rowCount, 1_000_000)
  .option('--only <text>', 'only those with this in their name', partOfName)
  .option('--no-kill', 'without the kill, and what it loses or doubles')
  .option('--write', 'docs/benchmarks-peers.md', false)
  .option('--json', 'as JSON', false)
  .addHelpText(
    'after',
    `\nWhat is compared, where it can be had:\n${PEERS.map(({ name }) => `  ${name.replaceAll('**', '')}`).join('\n')}`,
  )
program.parse(
  process.argv.slice(2).filter((each) => each !== '--'),
  { from: 'user' },
)
const options = program.opts()

const tell = (text: string): void => void process.stderr.write(`${text}\n`)

async function main(): Promise<number> {
  const { rows } = options
  const closers: (() => Promise<unknown>)[] = []
  const stop = new AbortController()
  const interrupted = Promise.withResolvers<number>()
  onFirstSignal(() => {
    stop.abort()
    interrupted.resolve(130)
  })
  try {
    const work = compare({ rows, closers, signal: stop.signal })
    work.catch(() => undefined) // told where it is awaited
    return await Promise.race([work, interrupted.promise])
  } finally {
    stop.abort()
    for (const close of closers.reverse()) await close().catch((error: unknown) => tell(messageOf(error)))
  }
}

interface Wish {
  readonly rows: number
  readonly closers: (() => Promise<unknown>)[]
  readonly signal: AbortSignal
}

async function compare({ rows, closers, signal }: Wish): Promise<number> {
  const notes: string[] = []
  const peers = await broughtPeers(notes)
  const kafka = await realKafka(process.env)
  if (kafka !== null) closers.push(() => kafka.close())
  const env = kafka === null ? process.env : { ...process.env, KAFKA_BROKER: kafka.address }
  const stage = await openBenchStage(env, closers)
  const results = await stage.withTopic({ name: 'peers', partitions: PARTITIONS }, async (topic) => {
    await fill(stage.producer, topic, rows)
    return stage.withTopic({ name: 'peers-few', partitions: PARTITIONS }, async (few) => {
      const fewest = Math.min(rows, ...peers.flatMap(({ rowsMax }) => rowsMax ?? []))
      const plain = await openProducer({ ...stage.cluster, compression: 'none' })
      await fill(plain, few, fewest).finally(() => plain.close())
      const courseOf = ({ rowsMax }: Peer): Course =>
        rowsMax === undefined ? { topic, rows } : { topic: few, rows: fewest }
      return resultsOf({ stage, signal }, peers, { courseOf, notes })
    })
  })
  const comparison: Comparison = {
    machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    versions: `Node ${process.versions.node}, ${stage.postgresName}, ${kafka?.name ?? stage.brokerName}`,
    rows,
    results,
    notes,
  }
  process.stdout.write(
    options.json ? `${JSON.stringify(comparison)}\n` : `${comparisonTable(comparison)}\n${leadLine(comparison)}`,
  )
  for (const note of options.json ? [] : notes) process.stdout.write(`${note}\n`)
  if (options.write) writeFileSync(resolve(here, '../../docs/benchmarks-peers.md'), comparisonPage(comparison))
  return 0
}

async function broughtPeers(notes: string[]): Promise<Peer[]> {
  const brought: Peer[] = []
  for (const peer of PEERS.filter(({ name }) => name.toLowerCase().includes(options.only ?? ''))) {
    const missing = peer.missing() ?? (await peer.bring().then(() => null, messageOf))
    if (missing === null) brought.push(peer)
    else notes.push(`left out: ${peer.name}: ${missing.slice(0, 300)}`)
  }
  return brought
}

async function resultsOf(
  arena: Arena,
  peers: readonly Peer[],
  { courseOf, notes }: { courseOf: (peer: Peer) => Course; notes: string[] },
): Promise<PeerResult[]> {
  const results: PeerResult[] = []
  for (const peer of peers) {
    const course = courseOf(peer)
    try {
      const figure = await measurePeer(arena, peer, course)
      tell(`${peer.name}: ${Math.round(figure.rowsPerSecond)} rows/s`)
      // The table is full of a peer's rows: the limit is measured with them, next to the first.
      const limit = results.length === 0 ? await psqlResult(arena, course.rows) : null
      if (limit !== null) results.push(limit)
      const killed = options.kill ? await killPeer(arena, peer, course) : null
      if (killed !== null) tell(`${peer.name}: ${killed.lost} lost, ${killed.twice} twice after a kill`)
      results.push({ name: peer.name, figure, killed })
    } catch (error) {
      arena.signal.throwIfAborted()
      notes.push(`left out: ${peer.name}: ${messageOf(error)}`)
      tell(notes.at(-1) ?? '')
    }
  }
  return results
}

async function fill(producer: Producer, topic: string, rows: number): Promise<void> {
  const random = new Random(1)
  for (let at = 0; at < rows; at += 1_000) {
    const count = Math.min(1_000, rows - at)
    await producer.send(
      topic,
      Array.from({ length: count }, (_, index) => ({ value: benchLog(random, at + index) })),
    )
  }
}

process.exitCode = await main()
