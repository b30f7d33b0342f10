/**
 * `npm run fuzz`: inputs without end from a seed, until the time or the count is over.
 *
 *   npm run fuzz -- --minutes 10 [--seed 7] [--inputs 1000000] [--kind messages|batches|postgres] [--tally FILE]
 *
 * Without a seed it goes on where the last run of its kind ended, by the tally (.runtime/fuzz.jsonl), and says what all of them come
 * to. What is found goes to test/fuzz/corpus/, where the unit tests read it ever after. Exit 1 when anything was found.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from '@commander-js/extra-typings'
import pg from 'pg'
import { minutes, positive, whole } from '../../src/commands/number-arguments.ts'
import { Random } from '../../src/demo/random.ts'
import { silentEvents } from '../../src/events.ts'
import { startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { fuzzBatches } from './batches.ts'
import { type Finding, fuzzMessages, throughPostgres } from './messages.ts'
import { addRun, type FuzzRun, nextSeed, readRuns } from './tally.ts'

const corpus = resolve(import.meta.dirname, 'corpus')
/** A long run that ends with its machine has lost no more than this. */
const TELL_MS = 60_000
const KINDS = ['messages', 'batches', 'postgres'] as const
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Answers one round of inputs by its seed. */
type Round = (random: Random) => Promise<Finding[]> | Finding[]

interface Kind {
  readonly inputs: number
  readonly round: Round
  readonly close: () => Promise<void>
}

async function open(name: (typeof KINDS)[number]): Promise<Kind> {
  const nothing = async (): Promise<void> => undefined
  if (name === 'messages') return { inputs: 20_480, round: (random) => fuzzMessages(random, 20_480), close: nothing }
  if (name === 'batches') return { inputs: 5_000, round: (random) => fuzzBatches(random, 5_000), close: nothing }
  const server = await startEmbeddedPostgres({ durable: false })
  const { host, port, database, user, password } = server
  await migrate({
    database: { host, port, database, user, password, ssl: false, applicationName: 'fuzz' },
    events: silentEvents(),
  })
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  return {
    inputs: 2_000,
    round: (random) => throughPostgres(client, random, 2_000),
    close: async () => {
      await client.end()
      await server.close()
    },
  }
}

const program = new Command('npm run fuzz --')
  .description(
    'Broken input from a seed, until the time or the count is over. What is found becomes a test in test/fuzz/corpus.',
  )
  .option('--minutes <n>', 'how long', minutes, 1)
  .option('--inputs <n>', 'at most so many inputs', positive)
  .option('--seed <n>', 'where to begin; by default where the last run of this kind ended', whole)
  .addOption(new Option('--kind <name>', 'what is broken').choices(KINDS).default(KINDS[0]))
  .option('--tally <file>', 'where each run adds its line', resolve(import.meta.dirname, '../../.runtime/fuzz.jsonl'))
program.parse(process.argv.filter((each) => each !== '--'))
const values = program.opts()
const kind = await open(values.kind)
const most = values.inputs ?? Number.POSITIVE_INFINITY
const end = performance.now() + values.minutes * 60_000
const startedMs = performance.now()
const from = values.seed ?? nextSeed(readRuns(values.tally, values.kind))
let [seed, inputs, found] = [from, 0, 0]
say(`${values.kind} from seed ${seed}`)
let done = { seed, inputs, found, ms: startedMs }

/** What was done since the last line of the tally. */
function noted(): void {
  const nowMs = performance.now()
  addRun(values.tally, {
    kind: values.kind,
    from: done.seed,
    to: seed,
    inputs: inputs - done.inputs,
    findings: found - done.found,
    seconds: Math.round((nowMs - done.ms) / 100) / 10,
  })
  done = { seed, inputs, found, ms: nowMs }
}

while (performance.now() < end && inputs < most) {
  for (const { what, input } of await kind.round(new Random(seed))) {
    found++
    const file = resolve(
      corpus,
      `${values.kind}-${createHash('sha256')
        .update(input ?? '')
        .digest('hex')
        .slice(0, 12)}.json`,
    )
    writeFileSync(file, `${JSON.stringify({ kind: values.kind, what: what.split('\n')[0], input }, null, 2)}\n`)
    say(`✗ seed ${seed}: ${what}\n  ${file}`)
  }
  inputs += kind.inputs
  seed++
  if (performance.now() - done.ms >= TELL_MS) noted()
}
await kind.close()
noted()
const perSecond = Math.round((inputs / (performance.now() - startedMs)) * 1000)
const said = (count: number): string => count.toLocaleString('en-US')
const result = (findings: number): string => (findings === 0 ? 'nothing found' : `${findings} findings`)
say(`${said(inputs)} inputs, ${said(perSecond)} a second; ${result(found)}; the next seed is ${seed}`)
const all = readRuns(values.tally, values.kind)
const total = (of: (run: FuzzRun) => number): number => all.reduce((sum, run) => sum + of(run), 0)
say(`in all ${said(total((run) => run.inputs))} ${values.kind}: ${result(total((run) => run.findings))}`)
process.exit(found === 0 ? 0 : 1)
