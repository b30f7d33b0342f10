import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whereNext } from '../../../src/demo/where-next.ts'

test('what is left running is told with the settings by which other commands see it', () => {
  const text = whereNext({
    places: ['Kafka       127.0.0.1:9', 'PostgreSQL  psql postgres://u:p@h:5/d'],
    addresses: ['http://127.0.0.1:4711', 'http://127.0.0.1:4712'],
    env: {
      KAFKA_BROKER: '127.0.0.1:9',
      KAFKA_SASL_MECHANISM: '',
      DATABASE_URL: 'postgres://u:p@h:5/d',
      INSIGHTHUB_NAMESPACE: 'demo',
    },
  })
  for (const each of ['  Kafka       127.0.0.1:9', '  worker      http://127.0.0.1:4712', 'Stop with Ctrl-C.'])
    assert.ok(text.split('\n').includes(each), each)
  const [, settings] = /^ {2}export (.*)$/m.exec(text) ?? []
  assert.equal(
    settings,
    'KAFKA_BROKER=127.0.0.1:9 DATABASE_URL=postgres://u:p@h:5/d INSIGHTHUB_NAMESPACE=demo HTTP_PORT=4711',
  )
})

test('where nothing is left running it says how to leave it', () => {
  assert.match(whereNext(null), /demo -- --keep/)
})
