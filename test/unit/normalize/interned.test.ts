import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Interned } from '../../../src/normalize/interned.ts'

const at = (interned: Interned, text: string): string => {
  const bytes = Buffer.from(`<${text}>`, 'latin1')
  return interned.at(bytes, 1, bytes.length - 1)
}

test('a text comes out as it is, whatever came before', () => {
  const interned = new Interned()
  const texts = fc.string({ unit: 'grapheme-ascii', maxLength: 300 })
  fc.assert(fc.property(texts, (text) => assert.equal(at(interned, text), text)))
})
