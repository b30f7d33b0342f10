import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { Connection, Submittable } from 'pg'
import { type CopyData, runCopy } from '../../../src/postgres/copy-in.ts'

const FRAME_BYTES = 64 * 1024

/** A client whose socket takes all at once, and a server that answers as soon as it has the query; `took` tells what left so far. */
function clientOf() {
  const chunks: Buffer[] = []
  const stream = new Duplex({
    read: () => undefined,
    writev: (written, done) => {
      for (const { chunk } of written) chunks.push(chunk)
      done()
    },
  })
  const sent: string[] = []
  const connection = { stream, query: (text: string) => sent.push(text) } as unknown as Connection
  const client = {
    query: <T extends Submittable>(submittable: T): T => {
      submittable.submit(connection)
      return submittable
    },
  }
  return { client, sent, took: () => Buffer.concat(chunks) }
}

/** Its CopyData messages, taken out of their frames. */
function payload(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (bytes[at] === 0x64) parts.push(bytes.subarray(at + 5, end))
    at = end
  }
  return Buffer.concat(parts)
}

test('a piece has left before the next one is made', () => {
  const { client, took } = clientOf()
  const leftBefore: number[] = []
  function* pieces(): Generator<Buffer> {
    for (const bytes of [10, FRAME_BYTES + 1, 3]) {
      leftBefore.push(payload(took()).length)
      yield Buffer.alloc(bytes, bytes)
    }
  }
  void runCopy(client, 'copy t from stdin', [pieces()])
  assert.deepEqual(leftBefore, [0, 10, FRAME_BYTES + 11])
})

test('files whole and in pieces are framed and ended one after the other', () => {
  const { client, sent, took } = clientOf()
  const files: CopyData[] = [Buffer.alloc(2 * FRAME_BYTES + 5, 1), [Buffer.alloc(7, 2), Buffer.alloc(9, 3)]]
  void runCopy(client, 'copy a; copy b', files)
  assert.deepEqual(sent, ['copy a; copy b'])
  const bytes = took()
  assert.deepEqual(payload(bytes), Buffer.concat(files.flatMap((file) => (Buffer.isBuffer(file) ? [file] : [...file]))))
  const kinds: string[] = []
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1))
    kinds.push(String.fromCharCode(bytes[at] ?? 0))
  assert.equal(kinds.join(''), 'dddcddc')
})

test('what can not be made ends the copy where it is asked for', () => {
  const { client } = clientOf()
  function* broken(): Generator<Buffer> {
    yield Buffer.alloc(1)
    throw new RangeError('not a row')
  }
  assert.throws(() => runCopy(client, 'copy t from stdin', [broken()]), RangeError)
})
