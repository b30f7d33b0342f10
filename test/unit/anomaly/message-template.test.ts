import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { MessageTokens, templateId, templateText } from '../../../src/anomaly/message-template.ts'

it('messages that differ in tokens with digits share a template', () => {
  assert.equal(templateId('Timeout after 812 ms calling pay-1'), templateId('Timeout after 3 ms calling pay-77'))
  assert.equal(templateId('GET /api/v1/order/9981 200'), templateId('GET /api/v1/order/4 200'))
  assert.notEqual(templateId('order created'), templateId('order updated'))
  assert.notEqual(templateId('order created'), templateId('created order'))
})

it('the text of a template stars its variables and is cut', () => {
  assert.equal(templateText('user u-17 paid id=ab12 (3 times)', 100), 'user * paid id=* (* times)')
  assert.equal(templateText('abcdefghij', 5), 'abcd…')
})

it('a message of any length costs no more than its first 512 characters', () => {
  assert.equal(templateId('x'.repeat(512)), templateId('x'.repeat(1_000_000)))
})

it('a message in bytes has the tokens that it has as a string', () => {
  const word = fc.constantFrom('order', '17', 'Jun', 'mon', 'a=b', '/x/7', '', ' ', '\t', 'blk_38', 'user=root')
  const ascii = fc.string({ unit: 'binary-ascii', maxLength: 700 })
  const message = fc.oneof(
    ascii,
    fc.array(word, { maxLength: 80 }).map((words) => words.join(' ')),
  )
  fc.assert(
    fc.property(message, fc.nat({ max: 9 }), (text, before) => {
      const tokens = new MessageTokens()
      tokens.readAscii(Buffer.from(`${'x'.repeat(before) + text}x1`), before, text.length)
      const { count, hash } = tokens
      const hashes = tokens.hashes.slice(0, count)
      tokens.read(text)
      assert.deepEqual([count, hash, hashes], [tokens.count, tokens.hash, tokens.hashes.slice(0, tokens.count)])
    }),
    { numRuns: 3000 },
  )
})

it('weekdays and months are variables, in any case, and nothing that only looks like them in some bits', () => {
  for (const word of ['mon', 'JUN', 'Dec', 'sUn'])
    assert.equal(templateId(`at ${word} again`), templateId('at 17 again'))
  // The low five bits of "jan": in ASCII's signs, in other alphabets, with other letters before or behind.
  for (const word of ['*!.', '\u016a\u0161\u016e', 'ja\u016e', 'j!n', 'jane', 'ajan', 'jab']) {
    assert.notEqual(templateId(`at ${word} again`), templateId('at 17 again'), word)
  }
})
