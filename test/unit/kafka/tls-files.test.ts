import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { secureContext, tlsMistakes } from '../../../src/kafka/tls-files.ts'
import { Authority, opensslMissing } from '../../support/certificates.ts'

describe('certificates and keys', { skip: opensslMissing() ?? false }, () => {
  let authority: Authority
  let pem: { ca: string; cert: string; key: string; otherKey: string; encryptedKey: string }
  before(async () => {
    authority = await Authority.create()
    const [ours, other] = [
      await authority.issue('a', { names: 'DNS:a' }),
      await authority.issue('b', { names: 'DNS:b' }),
    ]
    const encrypted = join(authority.folder, 'encrypted.key')
    execFileSync('openssl', ['pkcs8', '-topk8', '-in', ours.key, '-passout', 'pass:open', '-out', encrypted])
    const read = (file: string): string => readFileSync(file, 'utf8')
    pem = {
      ca: read(authority.cert),
      cert: read(ours.cert),
      key: read(ours.key),
      otherKey: read(other.key),
      encryptedKey: read(encrypted),
    }
  })
  after(() => authority.remove())

  test('that belong together are no mistake, and Node takes them', () => {
    const { ca, cert, key, encryptedKey } = pem
    for (const files of [{}, { ca }, { ca, cert, key }, { cert, key: encryptedKey, passphrase: 'open' }]) {
      assert.deepEqual(tlsMistakes(files), [])
      secureContext(files, Date.now())
    }
  })

  test('that do not are each told by the name of their setting, without what is in them', () => {
    const { cert, otherKey, encryptedKey } = pem
    const broken = cert.replace(/\n.{64}\n/, `\n${'A'.repeat(64)}\n`)
    assert.deepEqual(tlsMistakes({ ca: 'nonsense' }), [
      'KAFKA_TLS_CA: expected certificates in PEM form (-----BEGIN CERTIFICATE-----)',
    ])
    assert.deepEqual(tlsMistakes({ ca: broken }), ['KAFKA_TLS_CA: a certificate in it cannot be read'])
    assert.deepEqual(tlsMistakes({ cert, key: cert }), ['KAFKA_TLS_KEY: expected a private key in PEM form'])
    assert.deepEqual(tlsMistakes({ cert, key: otherKey }), [
      'KAFKA_TLS_KEY: it is not the key of the certificate in KAFKA_TLS_CERT',
    ])
    assert.deepEqual(tlsMistakes({ cert, key: encryptedKey }), [
      'KAFKA_TLS_KEY: it is encrypted; expected KAFKA_TLS_KEY_PASSPHRASE with it',
    ])
    assert.deepEqual(tlsMistakes({ cert, key: encryptedKey, passphrase: 'wrong' }), [
      'KAFKA_TLS_KEY: it does not open with KAFKA_TLS_KEY_PASSPHRASE',
    ])
  })

  test('[F28] of our own whose time is over, or not come yet, are not used', () => {
    const { cert, key } = pem
    assert.throws(
      () => secureContext({ cert, key }, Date.now() + 3 * 86_400_000),
      /^Error: KAFKA_TLS_CERT: it expired on 2/,
    )
    assert.throws(() => secureContext({ cert, key }, Date.now() - 86_400_000), /KAFKA_TLS_CERT: it is not valid before/)
  })
})
