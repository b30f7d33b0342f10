/** TLS and SASL against a real Apache Kafka that asks for them: what is let in, what is not, and what is said then. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { audit } from '../../src/commands/audit.ts'
import { clusterOptions } from '../../src/commands/kafka-cluster.ts'
import { loadConfig } from '../../src/config.ts'
import { platformaticTransport } from '../../src/kafka/platformatic-transport.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { Authority, opensslMissing } from '../support/certificates.ts'
import { withServer } from '../support/postgres.ts'
import { realKafkaMissing } from '../support/real-kafka.ts'
import {
  type Listener,
  PASSWORD,
  SESSION_MS,
  type SecuredKafka,
  startSecuredKafka,
  USER,
} from '../support/secured-kafka.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

type Env = Record<string, string>

const skip = realKafkaMissing() ?? opensslMissing() ?? false
if (skip !== false) process.stdout.write(`left out: Kafka with TLS and SASL (${skip})\n`)

describe('a Kafka with TLS and SASL', { skip, timeout: 600_000 }, () => {
  let kafka: SecuredKafka
  let folder: string
  let administrator: Producer
  const server = withServer()

  /** As an environment has it: TLS with the brokers' authority. */
  const tls = (listener: Listener): Env => ({
    KAFKA_BROKER: kafka.address(listener),
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: kafka.authority.cert,
  })
  const scram = (): Env => ({
    ...tls('SASL'),
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: USER,
    KAFKA_SASL_PASSWORD: PASSWORD,
  })
  /** How many topics we see, or the error. */
  const opened = async (env: Env): Promise<void> => {
    const transport = platformaticTransport(clusterOptions(loadConfig(env).config, 'test'))
    try {
      await transport.openLog()
    } finally {
      await transport.close()
    }
  }

  before(async () => {
    folder = await scratchFolder('kafka-security')
    kafka = await startSecuredKafka()
    administrator = await openProducer({ brokers: [kafka.address('PLAINTEXT')], clientId: 'administrator' })
  })
  after(async () => {
    await administrator?.close()
    await kafka?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('takes SCRAM, PLAIN and OAUTHBEARER over TLS', async () => {
    await opened(scram())
    await opened({ ...scram(), KAFKA_SASL_MECHANISM: 'PLAIN' })
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(Date.now() / 1000)
    const token = `${part({ alg: 'none' })}.${part({ sub: USER, iat: now, exp: now + 60 })}.`
    await opened({ ...tls('SASL'), KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN: token })
  })

  it('refuses a wrong password, an unknown user and a mechanism it has not, and each is said', async () => {
    const refused = { code: 'KAFKA_SECURITY', message: /does not accept KAFKA_SASL_USERNAME and its password/ }
    await assert.rejects(opened({ ...scram(), KAFKA_SASL_PASSWORD: 'wrong' }), refused)
    await assert.rejects(opened({ ...scram(), KAFKA_SASL_USERNAME: 'nobody' }), refused)
    await assert.rejects(opened({ ...scram(), KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_PASSWORD: 'wrong' }), refused)
    await assert.rejects(opened({ ...tls('SASL'), KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN: 'x.y.z' }), {
      code: 'KAFKA_SECURITY',
      message: /does not accept KAFKA_SASL_TOKEN/,
    })
    await assert.rejects(opened({ ...scram(), KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256' }), {
      code: 'KAFKA_REFUSED',
      message: /does not offer SCRAM-SHA-256, but .*SCRAM-SHA-512/,
    })
  })

  it('[F28] is not believed with an expired certificate, one for another host, or one of a stranger', async () => {
    await assert.rejects(opened(tls('EXPIRED')), { code: 'KAFKA_SECURITY', message: /certificate has expired/ })
    await assert.rejects(opened(tls('OTHERHOST')), {
      code: 'KAFKA_SECURITY',
      message: /is for another host \(.*localhost.*kafka\.example/,
    })
    const stranger = await Authority.create()
    try {
      await assert.rejects(opened({ ...scram(), KAFKA_TLS_CA_FILE: stranger.cert }), {
        code: 'KAFKA_SECURITY',
        message: /nobody who is trusted signed .* KAFKA_TLS_CA_FILE/,
      })
    } finally {
      await stranger.remove()
    }
    const { KAFKA_TLS_CA_FILE: _, ...without } = scram()
    await assert.rejects(opened(without), { code: 'KAFKA_SECURITY', message: /nobody who is trusted signed/ })
  })

  it('is believed in any case with KAFKA_TLS_INSECURE', async () => {
    for (const listener of ['EXPIRED', 'OTHERHOST'] as const) {
      await opened({ ...tls(listener), KAFKA_TLS_INSECURE: 'true' })
    }
  })

  it('that asks for our certificate takes one of its authority and no other', async () => {
    const ours = { KAFKA_TLS_CERT_FILE: kafka.client.cert, KAFKA_TLS_KEY_FILE: kafka.client.key }
    await opened({ ...tls('MTLS'), ...ours })
    await assert.rejects(opened(tls('MTLS')), {
      code: 'KAFKA_SECURITY',
      message: /the server does not accept our certificate: certificate required|bad certificate/,
    })
    const stranger = await Authority.create()
    try {
      const { cert, key } = await stranger.issue('stranger', { names: 'DNS:client' })
      await assert.rejects(opened({ ...tls('MTLS'), KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: key }), {
        code: 'KAFKA_SECURITY',
        message: /the server does not accept our certificate/,
      })
    } finally {
      await stranger.remove()
    }
  })

  it('that asks who we are is not taken for one that is away', async () => {
    await assert.rejects(opened(tls('SASL')), { code: 'KAFKA_UNAVAILABLE', message: /it wants KAFKA_SASL_MECHANISM/ })
  })

  it('is told apart from one without TLS', async () => {
    await assert.rejects(opened({ KAFKA_BROKER: kafka.address('SASL') }), {
      code: 'KAFKA_REFUSED',
      message: /set KAFKA_TLS=true/,
    })
    await assert.rejects(opened(tls('PLAINTEXT')), {
      code: 'KAFKA_UNAVAILABLE',
      message: /during the TLS handshake; .* is this port one for TLS/,
    })
  })

  it('[F28] stores every log once for a user with the least rights, while sessions end and the password changes', async () => {
    const database = await server().create()
    const { host, port, user, password, database: name } = database.options
    const topic = 'secured'
    await administrator.createTopic(topic, 2)
    await kafka.allow(topic, 'least')
    const file = join(folder, 'password')
    const env: Env = {
      ...scram(),
      KAFKA_SASL_PASSWORD: '',
      KAFKA_SASL_PASSWORD_FILE: file,
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: 'least',
      KAFKA_START: 'earliest',
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      KAFKA_HEARTBEAT_INTERVAL_MS: '500',
      DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/${name}`,
    }
    let sent = 0
    const send = async (count: number): Promise<void> => {
      const messages = Array.from({ length: count }, () => ({
        value: Buffer.from(JSON.stringify({ service: 'shop', level: 'INFO', message: `log ${sent++}`, id: sent })),
      }))
      await administrator.send(topic, messages)
    }
    const stored = async (): Promise<string> => {
      const counts = await database.client.query(
        `select count(*) || '/' || count(distinct metadata->>'id') n from logs`,
      )
      return counts.rows[0].n
    }
    const storesAll = (): Promise<void> => until('all stored', async () => (await stored()) === `${sent}/${sent}`)
    /** Longer than any session of before lasts. */
    const forTwoSessions = async (): Promise<void> => {
      const startedMs = performance.now()
      while (performance.now() - startedMs < 2 * SESSION_MS) {
        await send(10)
        await storesAll()
      }
    }

    await writeFile(file, 'wrong-password\n')
    const worker: Worker = startWorker(env)
    try {
      await worker.said('does not accept KAFKA_SASL_USERNAME and its password')
      assert.equal((await worker.get('/readyz')).status, 503)
      await writeFile(file, `${PASSWORD}\n`)
      await worker.ready()
      await send(1_000)
      await storesAll()
      const { kafka: status } = JSON.parse((await worker.get('/status')).body)
      assert.deepEqual(status, { protocol: 'SASL_SSL', mechanism: 'SCRAM-SHA-512', certificates_checked: true })

      const readyAt = worker.output().length
      await forTwoSessions()
      // Lines that repeat are told late: the broker's first seconds without a coordinator are none of this.
      const trouble = /✗(?!.*COORDINATOR_NOT_AVAILABLE)/
      assert.doesNotMatch(
        worker.output().slice(readyAt),
        trouble,
        'a session that ends is followed by another in silence',
      )

      await kafka.setPassword('second-password')
      await writeFile(file, 'second-password\n')
      await forTwoSessions()
      await send(1_000)
      await storesAll()
      worker.kill('SIGTERM')
      assert.equal(await worker.exited, 0)
      const { config } = loadConfig(env)
      const audited = await audit({
        database: database.options,
        cluster: clusterOptions(config, 'audit'),
        namespace: 'default',
        topic,
        group: 'least',
      })
      assert.deepEqual(audited.differences, [])
      for (const secret of [PASSWORD, 'second-password', 'wrong-password']) {
        assert.ok(!worker.output().includes(secret), 'a password was printed')
      }
    } finally {
      worker.kill('SIGKILL')
      await worker.exited
    }
  })
})
