/** The inputs that once did harm, read again; and a few thousand new ones, the same each time. `npm run fuzz` goes on without end. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { Random } from '../../src/demo/random.ts'
import { readRange } from '../../src/kafka/record-range.ts'
import { bomb, fetched, fuzzBatches, judgeSection, PLAIN_BYTES_MAX } from '../fuzz/batches.ts'
import { fuzzMessages, judge, SLOW_MS } from '../fuzz/messages.ts'
import { stopwatch } from '../fuzz/stopwatch.ts'
import { addRun, nextSeed, readRuns } from '../fuzz/tally.ts'

const corpus = resolve(import.meta.dirname, '../fuzz/corpus')

test('what was found once does no harm any more', () => {
  for (const name of readdirSync(corpus).filter((each) => each.endsWith('.json'))) {
    const { kind, input } = JSON.parse(readFileSync(resolve(corpus, name), 'utf8')) as {
      kind: string
      input: string | null
    }
    const bytes = input === null ? null : Buffer.from(input, 'base64')
    assert.equal(kind === 'batches' ? judgeSection(bytes ?? Buffer.alloc(0)) : judge(bytes), null, name)
  }
})

test('messages of every shape, whole and broken, have one outcome that can be encoded', () => {
  assert.deepEqual(fuzzMessages(new Random(2026), 10_240), [])
})

test('record batches with flipped bits, cut ends and absurd lengths are read or refused, never more', () => {
  assert.deepEqual(fuzzBatches(new Random(2026), 3_000), [])
})

test('a bomb in any codec is refused before it unfolds', () => {
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const packed = bomb(codec, 64 << 20)
    const before = process.memoryUsage().rss
    const range = readRange(fetched(packed), 0, { plainBytesMax: PLAIN_BYTES_MAX })
    assert.equal(range.error?.code, 'KAFKA_CORRUPT_BATCH', codec)
    assert.deepEqual([range.to, range.records.length], [0, 0])
    assert.ok(
      process.memoryUsage().rss - before < 40 << 20,
      `${codec}: ${(process.memoryUsage().rss - before) >> 20} MiB more`,
    )
  }
})

test('a broken check would be seen: bytes that the reader must not believe are told apart', () => {
  assert.match(judgeSection(Buffer.alloc(0), Number.NaN) ?? '', /add up/)
})

test('runs add up by kind, and the next one begins where the last ended, also behind a line that was cut off', () => {
  const folder = mkdtempSync(join(tmpdir(), 'insighthub-fuzz-'))
  try {
    const file = join(folder, 'deep', 'tally.jsonl')
    assert.equal(nextSeed(readRuns(file, 'messages')), 1)
    const run = { kind: 'messages', from: 1, to: 4, inputs: 300, findings: 0, seconds: 1.5 }
    addRun(file, run)
    addRun(file, { ...run, kind: 'batches', to: 900 })
    addRun(file, { ...run, from: 4, to: 6 })
    appendFileSync(file, '{"kind":"messages","from":6,"to"')
    assert.deepEqual(
      readRuns(file, 'messages').map(({ from, to }) => [from, to]),
      [
        [1, 4],
        [4, 6],
      ],
    )
    assert.equal(nextSeed(readRuns(file, 'messages')), 6)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('only work counts as slow, waiting does not', () => {
  const waited = stopwatch()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * SLOW_MS)
  assert.ok(waited() < SLOW_MS, `${waited()} ms`)
  const worked = stopwatch()
  const startedMs = performance.now()
  while (worked() < SLOW_MS) Math.sqrt(startedMs)
  assert.ok(performance.now() - startedMs >= SLOW_MS / 2)
})
