import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config.ts'
import { readCredential } from '../../src/credential.ts'

test('an empty environment gives the defaults of the service it succeeds', async () => {
  const { config, warnings } = loadConfig({})
  assert.deepEqual(config.kafka.brokers, ['kafka:9092'])
  assert.equal(config.kafka.groupId, 'log-processors')
  assert.equal(config.kafka.topic, 'logs')
  assert.equal(config.kafka.start, 'latest')
  assert.deepEqual(
    [config.database.host, config.database.port, config.database.name, config.database.user],
    ['postgres', 5432, 'insighthub', 'postgres'],
  )
  assert.equal(await readCredential(config.database.password), 'password')
  assert.deepEqual(warnings, [])
})

test('all mistakes are reported at once, with name, value and what was expected', () => {
  const env = { DB_PORT: 'abc', KAFKA_START: 'now', BATCH_ROWS_MAX: '0', KAFKA_BROKER: 'a:1,,b' }
  assert.throws(() => loadConfig(env), {
    code: 'CONFIG_INVALID',
    message: [
      'KAFKA_BROKER="a:1,,b": expected host:port, several separated by commas',
      'KAFKA_START="now": expected one of latest, earliest',
      'DB_PORT="abc": expected a whole number from 1 to 65535',
      'BATCH_ROWS_MAX="0": expected a whole number from 1 to 100000',
    ].join('\n'),
  })
})

test('a heartbeat that is too rare for its session is a mistake', () => {
  assert.throws(() => loadConfig({ KAFKA_SESSION_TIMEOUT_MS: '6000' }), { message: /at most a third/ })
})

test('an unknown name of ours gets a warning with the nearest known one, a stranger none', () => {
  const { warnings } = loadConfig({ KAFKA_TOPICS: 'x', DB_HOSTNAME: 'y', PATH: 'z', DB_PASSWORD_FILE: '' })
  assert.deepEqual(warnings, [
    'KAFKA_TOPICS is not a setting; the nearest is KAFKA_TOPIC',
    'DB_HOSTNAME is not a setting; the nearest is DB_HOST',
  ])
})

test('a setting beside its file is used, and the file that nobody reads is told', () => {
  const { config, warnings } = loadConfig({ DB_NAME: 'x', DB_NAME_FILE: '/no/such/file' })
  assert.equal(config.database.name, 'x')
  assert.deepEqual(warnings, ['DB_NAME is set, so DB_NAME_FILE is not read'])
})

test("what Kubernetes puts into the environment for services of our names is nobody's setting", () => {
  const { config, warnings } = loadConfig({
    ML_ENGINE_PORT: 'tcp://10.0.0.7:5000',
    ML_ENGINE_PORT_5000_TCP_ADDR: '10.0.0.7',
    ML_ENGINE_SERVICE_HOST: '10.0.0.7',
    ML_ENGINE_SERVICE_PORT_HTTP: '5000',
    DB_PORT: 'tcp://10.0.0.8:5432',
    KAFKA_PORT: 'tcp://10.0.0.9:9092',
    KAFKA_PORT_9092_TCP: 'tcp://10.0.0.9:9092',
    ANOMALY_DATA: 'x',
  })
  assert.deepEqual([config.scoring.mlEnginePort, config.database.port, warnings], [5000, 5432, []])
  assert.deepEqual(loadConfig({ ANOMALY_TRESHOLD: '0.7', ML_ENGINE_TIMEOUT: '5' }).warnings, [
    'ANOMALY_TRESHOLD is not a setting; the nearest is ANOMALY_THRESHOLD',
    'ML_ENGINE_TIMEOUT is not a setting; the nearest is ML_ENGINE_TIMEOUT_MS',
  ])
})

test('a blank at the edge of a password belongs to it', async () => {
  assert.equal(await readCredential(loadConfig({ DB_PASSWORD: ' s3cret ' }).config.database.password), ' s3cret ')
  assert.throws(() => loadConfig({ DB_PORT: 'tcp//x' }), { message: /DB_PORT="tcp\/\/x"/ })
})

test('a secret can come from a file, without its last line end; a file that is missing is a mistake', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'insighthub-config-'))
  try {
    writeFileSync(join(folder, 'password'), 's3cret\n')
    assert.equal(
      await readCredential(loadConfig({ DB_PASSWORD_FILE: join(folder, 'password') }).config.database.password),
      's3cret',
    )
    assert.throws(() => loadConfig({ DB_PASSWORD_FILE: join(folder, 'none') }), {
      message: /^DB_PASSWORD_FILE=.*no such file/,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('TLS and SASL settings that cannot go together are mistakes', () => {
  const secrets = { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'hidden' }
  const mistakes = (env: NodeJS.ProcessEnv): string => {
    try {
      loadConfig(env)
      return ''
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  assert.equal(mistakes({ ...secrets, KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' }), '')
  assert.match(
    mistakes({ ...secrets, KAFKA_SASL_MECHANISM: 'PLAIN' }),
    /^KAFKA_SASL_MECHANISM="PLAIN": expected KAFKA_TLS/,
  )
  assert.equal(mistakes({ ...secrets, KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_TLS: 'true' }), '')
  assert.equal(mistakes({ ...secrets, KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_TLS_INSECURE: 'true' }), '')
  assert.match(
    mistakes(secrets),
    /KAFKA_SASL_USERNAME: .*\nKAFKA_SASL_PASSWORD: expected a KAFKA_SASL_MECHANISM with it/,
  )
  assert.match(
    mistakes({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256' }),
    /expected KAFKA_SASL_USERNAME .*\n.*KAFKA_SASL_PASSWORD/,
  )
  assert.match(
    mistakes({ KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_TLS: 'true' }),
    /expected KAFKA_SASL_TOKEN with it$/,
  )
  assert.match(
    mistakes({ KAFKA_TLS_CA: 'x' }),
    /KAFKA_TLS_CA: expected KAFKA_TLS=true.*\nKAFKA_TLS_CA: expected certificates/,
  )
  assert.match(
    mistakes({ KAFKA_TLS: 'true', KAFKA_TLS_KEY: 'secret key' }),
    /^(?!.*secret key)[\s\S]*expected both or neither/,
  )
  assert.match(loadConfig({ KAFKA_TLS: 'true', KAFKA_TLS_INSECURE: 'true' }).warnings[0] ?? '', /whoever answers/)
})

test('a credential in a file is read each time it is asked for, and never repeated in an error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'insighthub-config-'))
  try {
    const file = join(folder, 'password')
    writeFileSync(file, 'first\n')
    const { sasl } = loadConfig({
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'u',
      KAFKA_SASL_PASSWORD_FILE: file,
    }).config.kafka.security
    assert.ok(sasl !== null && 'password' in sasl)
    assert.equal(await readCredential(sasl.password), 'first')
    writeFileSync(file, 'second\n')
    assert.equal(await readCredential(sasl.password), 'second')
    writeFileSync(file, '\n')
    await assert.rejects(readCredential(sasl.password), /^Error: KAFKA_SASL_PASSWORD_FILE=.*: the file is empty$/)
    rmSync(file)
    await assert.rejects(readCredential(sasl.password), /^Error: KAFKA_SASL_PASSWORD_FILE=.*no such file/)
    assert.equal(await readCredential(sasl.username), 'u')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an empty variable counts as unset', () => {
  assert.equal(loadConfig({ DB_PORT: '' }).config.database.port, 5432)
})

test('an ML engine is an http or https address without a password; its token has no blanks and is never shown', () => {
  for (const url of ['http://ml-engine:5000', 'https://engine.example/prefix', 'http://[::1]:5000'])
    assert.equal(loadConfig({ ML_ENGINE_URL: url }).config.scoring.mlEngineUrl?.href, new URL(url).href)
  for (const url of ['ml-engine:5000', 'ftp://a', 'http://user:pass@a', 'http://a?b=c', 'nonsense'])
    assert.throws(() => loadConfig({ ML_ENGINE_URL: url }), {
      message: /^ML_ENGINE_URL=(?!.*pass@).*without a password$/,
    })
  assert.throws(
    () => loadConfig({ ML_ENGINE_TOKEN: 'se cret' }),
    (error: unknown) => error instanceof Error && !error.message.includes('cret"'),
  )
})
