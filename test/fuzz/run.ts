/**
 * `npm run fuzz`: inputs without end from a seed, until the time or the count is over.
 *
 *   npm run fuzz -- --minutes 10 --seed 7 [--kind messages|batches|postgres]
 *
 * What is found goes to test/fuzz/corpus/, where the unit tests read it ever after. Exit 1 when anything was found.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { Random } from '../../src/demo/random.ts'
import { silentEvents } from '../../src/events.ts'
import { startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { fuzzBatches } from './batches.ts'
import { type Finding, fuzzMessages, throughPostgres } from './messages.ts'

const corpus = resolve(import.meta.dirname, 'corpus')
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Answers one round of inputs by its seed. */
type Round = (random: Random) => Promise<Finding[]> | Finding[]

interface Kind {
  readonly inputs: number
  readonly round: Round
  readonly close: () => Promise<void>
}

async function open(name: string): Promise<Kind> {
  const nothing = async (): Promise<void> => undefined
  if (name === 'messages') return { inputs: 20_480, round: (random) => fuzzMessages(random, 20_480), close: nothing }
  if (name === 'batches') return { inputs: 5_000, round: (random) => fuzzBatches(random, 5_000), close: nothing }
  if (name !== 'postgres') throw new Error(`--kind ${name}: expected messages, batches or postgres`)
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

const { values } = parseArgs({
  args: process.argv.slice(2).filter((each) => each !== '--'),
  options: {
    minutes: { type: 'string', default: '1' },
    inputs: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kind: { type: 'string', default: 'messages' },
  },
})
const kind = await open(values.kind)
const most = Number(values.inputs ?? Number.POSITIVE_INFINITY)
const end = performance.now() + Number(values.minutes) * 60_000
const startedMs = performance.now()
let [seed, inputs, found] = [Number(values.seed), 0, 0]
say(`${values.kind} from seed ${seed}`)
for (; performance.now() < end && inputs < most; seed++) {
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
}
await kind.close()
const perSecond = Math.round((inputs / (performance.now() - startedMs)) * 1000)
say(
  `${inputs.toLocaleString('en-US')} inputs, ${perSecond.toLocaleString('en-US')} a second; ${found === 0 ? 'nothing found' : `${found} findings`}; the next seed is ${seed}`,
)
process.exit(found === 0 ? 0 : 1)
