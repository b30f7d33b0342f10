import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { CODECS, decompress } from '../../../src/kafka/codecs.ts'
import { compress } from '../../support/record-batches.ts'

/** Written by liblz4 1.9.4: linked blocks, checksums of blocks and content, content size. Deflated, as it is nearly all 0xff. */
const LINKED_FRAME = inflateSync(
  Buffer.from(
    'eNpjUfKViHFoMGJiAIFWWUYGhv/MiQo5mXmpCvlpCiUZqQo5+elcQgz/Rzi4FgAOiptTGM9yAQOJ/8NID5D/LwLAyeNIpvtEG2Da4ScnjcwKACcvXpOvfaD0pzxvbisAa2tLtA==',
    'base64',
  ),
)
const LINKED_CONTENT = Buffer.from('a line of the log\n'.repeat(8000))

it('a frame of linked blocks with everything that is optional is decompressed, and only up to the limit', () => {
  assert.ok(decompress('lz4', LINKED_FRAME, LINKED_CONTENT.length).equals(LINKED_CONTENT))
  assert.throws(() => decompress('lz4', LINKED_FRAME, LINKED_CONTENT.length - 1), RangeError)
})

for (const codec of CODECS) {
  if (codec === 'none') continue
  it(`${codec} content is decompressed at exactly the limit and refused one byte below`, () => {
    for (const content of [Buffer.alloc(300_000, 'ab'), randomBytes(70_000), Buffer.from('xy')]) {
      const compressed = compress(codec, content)
      assert.ok(decompress(codec, compressed, content.length).equals(content))
      assert.throws(() => decompress(codec, compressed, content.length - 1))
    }
  })
}

it('damaged lz4 blocks and snappy elements are found before the decoder could trap on them', () => {
  const words = fc.array(fc.constantFrom('level', 'INFO', 'message', '{', '}', '12', 'é'), { maxLength: 300 })
  const damage = fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(fc.constantFrom('lz4', 'snappy', 'xerial'), words, damage, (codec, text, changes) => {
      const compressed = compress(codec, Buffer.from(text.join(' ')))
      const headerBytes = codec === 'lz4' ? 7 : codec === 'xerial' ? 16 : 0 // lz4's header has a checksum of its own
      if (compressed.length <= headerBytes) return
      for (const [at, value] of changes) compressed[headerBytes + (at % (compressed.length - headerBytes))] = value
      try {
        decompress(codec === 'lz4' ? 'lz4' : 'snappy', compressed, 1 << 20)
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error))
      }
    }),
    { numRuns: 5000 },
  )
})
