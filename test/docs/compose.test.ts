/** compose.yaml gives the processors the environment of the original installation, and names only settings that exist. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { SETTINGS } from '../../src/config/settings.ts'
import { loadConfig } from '../../src/config.ts'

const compose = readFileSync(join(resolve(import.meta.dirname, '../..'), 'compose.yaml'), 'utf8')

/** The environment of a service: lines `NAME: value` under `environment:`. */
function environmentOf(service: string): Record<string, string> {
  const [, block = ''] = new RegExp(`^ {2}${service}:\\n((?: {4}.*\\n|\\n)*)`, 'm').exec(compose) ?? []
  const [, lines = ''] = /^ {4}environment:\n((?: {6}.*\n)*)/m.exec(block) ?? []
  return Object.fromEntries([...lines.matchAll(/^ {6}([A-Z_]+): (.*)$/gm)].map(([, name, value]) => [name, value]))
}

test('the processors have the environment of the original installation', () => {
  assert.deepEqual(environmentOf('processor'), {
    KAFKA_BROKER: 'kafka:9092',
    DB_HOST: 'postgres',
    DB_PORT: '5432',
    DB_NAME: 'insighthub',
    DB_USER: 'postgres',
    DB_PASSWORD: 'password',
    ML_ENGINE_URL: 'http://ml-engine:5000',
  })
})

test('what the services of ours are given are settings with values that can be used', () => {
  for (const service of ['processor', 'ml-engine']) {
    const environment = environmentOf(service)
    assert.ok(Object.keys(environment).length > 0, service)
    assert.deepEqual(
      Object.keys(environment).filter((name) => !Object.hasOwn(SETTINGS, name)),
      [],
    )
    assert.deepEqual(loadConfig(environment).warnings, [])
  }
})

test('whatever a service waits for is a service', () => {
  const services = new Set([...compose.matchAll(/^ {2}([a-z-]+):$/gm)].map((match) => match[1]))
  const awaited = [...compose.matchAll(/^ {6}([a-z-]+): \{ condition: /gm)].map((match) => match[1])
  assert.ok(awaited.includes('ml-engine'))
  assert.deepEqual(
    awaited.filter((name) => !services.has(name)),
    [],
  )
})

test("Kafka's logs lie on its volume: what a user sent outlives the container", () => {
  const folder = environmentOf('kafka')['KAFKA_LOG_DIRS'] ?? 'not set: /tmp in the container'
  assert.ok(compose.includes(`volumes: ["kafka-data:${folder}"]`), folder)
})

test('every image is of one version, so that the same file starts the same programs', () => {
  const images = [...compose.matchAll(/^ {4}image: (\S+)$/gm)].map((match) => match[1] ?? '')
  assert.ok(images.length >= 3)
  assert.deepEqual(
    images.filter((image) => !/:v?\d+\.\d+/.test(image)),
    [],
  )
})
