/** The inputs that once did harm, read again; and a few thousand new ones, the same each time. `npm run fuzz` goes on without end. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { Random } from '../../src/demo/random.ts'
import { readRange } from '../../src/kafka/record-range.ts'
import { bomb, fetched, fuzzBatches, judgeSection, PLAIN_BYTES_MAX } from '../fuzz/batches.ts'
import { fuzzMessages, judge } from '../fuzz/messages.ts'

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
