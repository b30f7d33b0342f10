/**
 * The first steps of a new user on Apache Kafka, with Kafka's own tools: the service is started before the topic, before Kafka and
 * before PostgreSQL, says so each time and goes on by itself; a message is sent by hand, and its row is there within a second. (That no wait of the service's own
 * takes longer is test/simulation/within-a-second.test.ts.)
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { type RealKafka, realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const missing =
  process.env['TEST_KAFKA_BROKERS'] === undefined ? realKafkaMissing() : 'the brokers are given, and not ours to stop'
if (missing !== null) process.stdout.write(`left out: first steps on Apache Kafka (${missing})\n`)
const MESSAGE = '{"service":"test","level":"INFO","message":"Test message","timestamp":"2025-12-03T15:00:00Z"}'
/** Enough for a delay that comes now and then. */
const MESSAGES = 40
const LOOK_MS = 25
/** Of a second on a machine with nothing else to do. */
const LOOKS_LATE = 1_000 / LOOK_MS

describe('first steps', { timeout: 600_000, skip: missing ?? false }, () => {
  let kafka: RealKafka
  let postgres: EmbeddedPostgres
  let database: pg.Client
  let worker: Worker

  before(async () => {
    kafka = await startRealKafka()
    postgres = await startEmbeddedPostgres({ durable: true })
    await postgres.stop('fast')
    kafka.kill('SIGKILL')
    worker = startWorker({ KAFKA_BROKER: kafka.address, DATABASE_URL: postgres.url })
  })
  after(async () => {
    worker?.kill('SIGKILL')
    await worker?.exited
    await database?.end()
    await kafka?.close()
    await postgres?.close()
  })

  async function rowsOf(service: string): Promise<Record<string, unknown>[]> {
    const { rows } = await database.query(
      `select service, level, message, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at, log_id
         from logs where service = $1`,
      [service],
    )
    return rows
  }
  const lineWith = (text: string): string | undefined =>
    worker
      .output()
      .split('\n')
      .find((line) => line.includes(text))
  const missingNow = async (): Promise<string> => (await worker.get('/readyz')).body

  test('before PostgreSQL: it says so, waits and goes on', async () => {
    await worker.said('PostgreSQL: ')
    assert.match(await missingNow(), /PostgreSQL/)
    await postgres.restart()
    await worker.said('✓ Connected to PostgreSQL')
    database = new pg.Client({ connectionString: postgres.url })
    await database.connect()
  })

  test('before Kafka: it says so, waits and goes on', async () => {
    await worker.said('Kafka: ')
    assert.match(await missingNow(), /Kafka/)
    await kafka.start()
    await worker.said('✓ Connected to Kafka')
  })

  test('before the topic: it says so, waits and goes on, and misses nothing of a topic that is new', async (context) => {
    await worker.said('Topic "logs" does not exist')
    assert.match(await missingNow(), /Kafka: Topic \\"logs\\" does not exist/)
    const producer = await openProducer({ brokers: [kafka.address], clientId: 'test' })
    await producer.createTopic('logs', 4)
    await producer.send('logs', [{ value: Buffer.from('{"service":"early"}') }])
    await producer.close()
    await worker.said('✓ Subscribed to "logs" topic')
    await worker.said('🚀 Processor service started and ready')
    await worker.ready()
    await until('the early one', async () => (await rowsOf('early')).length === 1)
    const coordinator = lineWith('COORDINATOR_NOT_AVAILABLE')
    context.diagnostic(coordinator ?? 'a coordinator was there at once')
    assert.match(coordinator ?? '⚠', /^⚠/, 'a new Kafka has no coordinator for its first seconds: no outage')
  })

  /** How many looks until the row is there: each a write to Kafka, a query and a pause, so that a machine slower than most takes longer for it, too. */
  async function looksUntil(rows: number, producer: Producer): Promise<number> {
    for (let looks = 1; ; looks++) {
      if ((await rowsOf('test')).length >= rows || looks === LOOKS_LATE) return looks
      await producer.send('looks', [{ value: Buffer.from('beside') }])
      await new Promise((done) => setTimeout(done, LOOK_MS))
    }
  }

  test('a message by hand is a row within a second, and so is each of those after it', async (context) => {
    const producer = await openProducer({ brokers: [kafka.address], clientId: 'test' })
    await producer.createTopic('looks', 1)
    const needed: number[] = []
    const where = ['--bootstrap-server', kafka.address, '--topic', 'logs']
    await kafka.tool('org.apache.kafka.tools.ConsoleProducer', where, `${MESSAGE}\n`)
    needed.push(await looksUntil(1, producer))
    for (let sent = 2; sent <= MESSAGES; sent++) {
      await producer.send('logs', [{ value: Buffer.from(MESSAGE) }])
      needed.push(await looksUntil(sent, producer))
    }
    await producer.close()
    context.diagnostic(`there after so many looks: ${needed.join(' ')}`)
    assert.deepEqual(
      needed.filter((looks) => looks >= LOOKS_LATE),
      [],
    )
    const [row] = await rowsOf('test')
    assert.ok(row !== undefined)
    assert.deepEqual(row, {
      service: 'test',
      level: 'INFO',
      message: 'Test message',
      at: '2025-12-03T15:00:00Z',
      log_id: row['log_id'],
    })
    await worker.said(`✓ Processed log #${row['log_id']}: test [INFO]`)
  })

  test("Kafka's own tool shows the member, the offset and no lag", async (context) => {
    let said = ''
    const rows = (): string[][] =>
      said
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((cells) => cells[1] === 'logs')
    await until('lag 0', async () => {
      said = await kafka.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
        ...['--bootstrap-server', kafka.address, '--describe', '--group', 'log-processors'],
      ])
      return rows().length === 4 && rows().every((cells) => cells[5] === '0')
    })
    for (const cells of rows()) context.diagnostic(cells.join(' '))
    assert.equal(
      rows().reduce((sum, cells) => sum + Number(cells[3]), 0),
      1 + MESSAGES,
      'the offsets say how many records were passed',
    )
    for (const cells of rows()) assert.match(cells[6] ?? '', /^insighthub-processor-/)
  })
})
