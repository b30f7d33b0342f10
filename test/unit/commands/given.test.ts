import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGiven, withSettings } from '../../../src/commands/given.ts'
import { loadConfig } from '../../../src/config.ts'

test('a setting is given by its name or by a file, and not by an empty variable', () => {
  assert.ok(isGiven({ KAFKA_BROKER: 'a:1' }, 'KAFKA_BROKER'))
  assert.ok(isGiven({ KAFKA_BROKER_FILE: '/a' }, 'KAFKA_BROKER'))
  assert.ok(!isGiven({ KAFKA_BROKER: '', KAFKA_BROKER_FILE: '' }, 'KAFKA_BROKER'))
})

test('what a command says of a setting holds for its workers, also where the environment names a file for it', () => {
  const env = { ML_ENGINE_URL_FILE: '/run/secrets/engine', KAFKA_TOPIC_FILE: '/nowhere', DB_NAME: 'theirs' }
  const { config } = loadConfig(withSettings(env, { ML_ENGINE_URL: '', KAFKA_TOPIC: 'ours' }))
  assert.deepEqual(
    [config.scoring.mlEngineUrl, config.kafka.topic, config.database.name],
    [undefined, 'ours', 'theirs'],
  )
})
