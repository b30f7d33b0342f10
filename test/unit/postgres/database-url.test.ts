import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDatabaseUrl, SSL_MODES, sslOptions } from '../../../src/postgres/database-url.ts'
import { isLocal } from '../../../src/postgres/local-host.ts'

test('every part of a URL is read, percent-decoded', () => {
  assert.deepEqual(
    parseDatabaseUrl('postgres://a%40b:p%2Fw%3A%25@db.example:6543/my%20db?sslmode=verify-full&sslrootcert=%2Fca.pem'),
    {
      host: 'db.example',
      port: 6543,
      database: 'my db',
      user: 'a@b',
      password: 'p/w:%',
      sslMode: 'verify-full',
      sslRootCert: '/ca.pem',
    },
  )
})

test('parts that are missing stay missing', () => {
  assert.deepEqual(parseDatabaseUrl('postgresql://db'), { host: 'db' })
  assert.deepEqual(parseDatabaseUrl('postgres://[::1]:5433/'), { host: '::1', port: 5433 })
})

test('a mistake is named, and the password is not repeated', () => {
  for (const wrong of [
    'not a url',
    'mysql://u:secret@h/d',
    'postgres://u:secret@h/d?sslmode=on',
    'postgres://u:secret%zz@h/d',
  ])
    assert.throws(
      () => parseDatabaseUrl(wrong),
      (error: Error & { code?: string }) => error.code === 'CONFIG_INVALID' && !error.message.includes('secret'),
      wrong,
    )
})

test('[F28] what each sslmode checks is what libpq says', () => {
  const seen = SSL_MODES.map((mode) => {
    const options = sslOptions(mode, 'CA')
    return options === false
      ? [mode, 'plain text']
      : [mode, options.rejectUnauthorized !== false, options.checkServerIdentity === undefined]
  })
  assert.deepEqual(seen, [
    ['disable', 'plain text'],
    ['allow', 'plain text'],
    ['prefer', 'plain text'],
    ['require', true, false], // with a CA at hand libpq treats it as verify-ca
    ['verify-ca', true, false],
    ['verify-full', true, true],
  ])
  assert.deepEqual(sslOptions('require', undefined), { rejectUnauthorized: false })
})

test('only this machine is local', () => {
  assert.deepEqual(['localhost', '127.0.0.1', '::1', '/run/postgresql', 'db', '10.0.0.1'].map(isLocal), [
    true,
    true,
    true,
    true,
    false,
    false,
  ])
})
