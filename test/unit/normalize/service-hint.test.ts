import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceHint } from '../../../src/normalize/service-hint.ts'

const hint = (text: string): string | null => serviceHint(Buffer.from(text))

test('the service of a message that was cut off, or is wrong elsewhere, is read', () => {
  assert.equal(hint('{"service":"payment","message":"cut o'), 'payment')
  assert.equal(hint(`{"level":"INFO","app" : "shop-ü","latency_ms":NaN}`), 'shop-ü')
  assert.equal(hint(`{"service":"big","message":"${'x'.repeat(100_000)}"}`), 'big')
})

test('where nobody is named, or the value is no object, there is none', () => {
  for (const text of ['', '{', '{"service":17', '{"service":"cut', '[{"service":"a"}', 'service: a', '{"service":""}'])
    assert.equal(hint(text), null, text)
  assert.equal(serviceHint(null), null)
  assert.equal(serviceHint(Buffer.from([0x1f, 0x8b, 0x08])), null)
  assert.equal(hint(`{"message":"${'x'.repeat(5_000)}","service":"late"`), null)
})

test('hostile bytes cost no time', () => {
  const text = `{${'"service"'.repeat(400)}${' '.repeat(2_000)}:${'"app":'.repeat(500)}`
  const before = process.cpuUsage()
  for (let i = 0; i < 100; i++) hint(text)
  const { user, system } = process.cpuUsage(before)
  assert.ok((user + system) / 1000 < 1_000)
})
