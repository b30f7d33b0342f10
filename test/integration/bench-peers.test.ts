/** Peers that are known to lose rows or to store them twice: does the comparison find out? */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { killPeer, measurePeer } from '../../bench/peers/measure.ts'
import type { Peer } from '../../bench/peers/peer.ts'
import { type BenchStage, openBenchStage } from '../../src/commands/bench-stage.ts'

const closers: (() => Promise<unknown>)[] = []
let stage: BenchStage

before(async () => {
  stage = await openBenchStage({}, closers)
})
after(async () => {
  for (const close of closers.reverse()) await close()
})

const ROWS = 400
const HALF = ROWS / 2

/** Stores messages by number: the first start up to `until`, where it waits; a second start from `again` to the end. */
function forgetful({ until, again }: { until: number; again: number }): Peer {
  const script = `
    import { existsSync, writeFileSync } from 'node:fs'
    import { createRequire } from 'node:module'
    const pg = createRequire(${JSON.stringify(import.meta.filename)})('pg')
    const second = existsSync('started')
    writeFileSync('started', '')
    const client = new pg.Client()
    await client.connect()
    const [from, to] = second ? [${again}, ${ROWS}] : [0, ${until}]
    for (let i = from; i < to; i++)
      await client.query("insert into logs (service, level, message) values ('s', 'INFO', $1)", ['message ' + i])
    setInterval(() => undefined, 1000)`
  return {
    name: `forgetful ${again}`,
    missing: () => null,
    bring: async () => undefined,
    start: async ({ database }) => ({
      command: process.execPath,
      args: ['--input-type=module', '-e', script],
      env: {
        PGHOST: database.host,
        PGPORT: String(database.port),
        PGUSER: database.user,
        PGPASSWORD: database.password,
        PGDATABASE: database.database,
        PGOPTIONS: `-c search_path=${database.schema}`,
      },
    }),
  }
}

const arena = () => ({ stage, signal: new AbortController().signal, silenceMs: 3_000 })
const course = { topic: 'none', rows: ROWS }

test('a peer that begins anew after a kill has its rows twice', { timeout: 600_000 }, async () => {
  const killed = await killPeer(arena(), forgetful({ until: HALF, again: 0 }), course)
  assert.deepEqual(killed, { rows: ROWS, killedAt: HALF, lost: 0, twice: HALF })
})

test('a peer that goes on too far after a kill has lost rows', { timeout: 600_000 }, async () => {
  const killed = await killPeer(arena(), forgetful({ until: HALF, again: HALF + 7 }), course)
  assert.deepEqual(killed, { rows: ROWS, killedAt: HALF, lost: 7, twice: 0 })
})

test('a peer is measured until its last row, with its CPU and memory', { timeout: 600_000 }, async () => {
  const figure = await measurePeer(arena(), forgetful({ until: ROWS, again: 0 }), course)
  assert.equal(figure.rows, ROWS)
  assert.ok(figure.rowsPerSecond > 0 && Number.isFinite(figure.rowsPerSecond))
  if (process.platform === 'linux') assert.ok((figure.peakRssMb ?? 0) > 10 && figure.cpuSecondsPerMillion !== null)
})

test('a peer that ends by itself is told with its last words', { timeout: 600_000 }, async () => {
  const peer: Peer = {
    ...forgetful({ until: 0, again: 0 }),
    name: 'wordy',
    start: async () => ({
      command: process.execPath,
      args: ['-e', 'console.error("no such broker"); process.exit(3)'],
    }),
  }
  await assert.rejects(measurePeer(arena(), peer, course), /ended by itself: no such broker/)
})
