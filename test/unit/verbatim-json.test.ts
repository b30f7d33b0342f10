import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VerbatimJson } from '../../src/verbatim-json.ts'

const blanks = fc.constantFrom('', '', ' ', '\n  ')
const member = fc.record({
  name: fc.stringMatching(/^[a-z_]{1,9}$/),
  value: fc.constantFrom('1', '-0.5', '"x"', '""', '":"', 'true', 'null', `"${'long '.repeat(20)}"`),
  taken: fc.boolean(),
  blanks: fc.tuple(blanks, blanks, blanks),
})

test('the members taken of an object are an object of their own, whatever lies between them', () => {
  const json = new VerbatimJson()
  const kept = new VerbatimJson()
  fc.assert(
    fc.property(fc.array(member, { maxLength: 12 }), (members) => {
      json.clear()
      let text = 'before {'
      members.forEach(({ name, value, taken, blanks: [ahead, between, behind] }, i) => {
        text += ahead
        const nameStart = text.length
        text += `"${name}":`
        const nameEnd = text.length
        text += between
        if (taken) {
          json.name(nameStart, nameEnd)
          json.value(text.length, text.length + value.length)
        }
        text += value + behind + (i === members.length - 1 ? '' : ',')
      })
      const expected = `{${members.flatMap(({ name, value, taken }) => (taken ? [`"${name}":${value}`] : [])).join(',')}}`
      kept.copy(json)
      if (expected === '{}') {
        assert.equal(kept.length, 0)
        return
      }
      assert.equal(kept.length, expected.length)
      assert.equal(kept.textOf(Buffer.from(`${text}} behind`)), expected)
      const target = Buffer.alloc(expected.length + 2, 0x78)
      kept.writeTo(target, 1, Buffer.from(text))
      assert.equal(target.toString(), `x${expected}x`)
    }),
    { numRuns: 2000 },
  )
})
