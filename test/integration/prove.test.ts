/** `prove` as it is typed, on a Kafka and a PostgreSQL that are "the user's": what it finds, and that it leaves nothing behind. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { platformaticTransport } from '../../src/kafka/platformatic-transport.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { ORIGINAL_SCHEMA } from '../support/original-schema.ts'
import { realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { until } from '../support/until.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const real = process.env['TEST_KAFKA_BROKERS'] !== undefined || realKafkaMissing() === null

interface Outcome {
  readonly code: number
  readonly said: string
  readonly certificate: Record<string, unknown>
}

async function prove(args: readonly string[], env: Record<string, string>, cwd: string): Promise<Outcome> {
  const child = spawn(process.execPath, [main, 'prove', '--json', ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [json, said] = ['', '']
  child.stdout.on('data', (chunk) => (json += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  const [code] = await once(child, 'close')
  assert.ok(json.startsWith('{'), `no certificate: ${said}`)
  return { code, said, certificate: JSON.parse(json) }
}

describe('prove', { timeout: 600_000 }, () => {
  let broker: { readonly address: string; close(): Promise<unknown> }
  let postgres: EmbeddedPostgres
  let client: pg.Client
  let folder: string
  let env: Record<string, string>

  before(async () => {
    folder = await scratchFolder('prove-test')
    broker = real ? await startRealKafka() : await startEmbeddedBroker({})
    postgres = await startEmbeddedPostgres({ durable: false })
    client = new pg.Client({ connectionString: postgres.url })
    client.on('error', () => undefined)
    await client.connect()
    await client.query(ORIGINAL_SCHEMA)
    await client.query(`insert into logs (service, level, message) values ('theirs', 'INFO', 'not ours to touch')`)
    env = { KAFKA_BROKER: broker.address, DATABASE_URL: postgres.url, KAFKA_TOPIC: 'their-topic' }
  })
  after(async () => {
    await client.end()
    await postgres.close()
    await broker.close()
    await rm(folder, { recursive: true, force: true })
  })

  const schemas = async (): Promise<number> =>
    (await client.query(`select from pg_namespace where nspname like 'insighthub_prove%'`)).rowCount ?? -1

  test('on parts that work: exactly once, a certificate of two files, and nothing left behind', async () => {
    const { code, said, certificate } = await prove(['--minutes', '1', '--seed', '1', '--rate', '500'], env, folder)
    assert.equal(code, 0, said)
    assert.equal(certificate['verdict'], 'exactly once')
    assert.equal(certificate['seed'], 1)
    assert.deepEqual([certificate['lost'], certificate['duplicated'], certificate['altered']], [0, 0, 0])
    const rows = certificate['rows'] as { expected: number; stored: number }
    assert.ok(rows.expected > 1000 && rows.expected === rows.stored, JSON.stringify(rows))
    assert.ok((certificate['faults'] as unknown[]).length > 0)
    const files = [...said.matchAll(/\S+insighthub-certificate\S+/g)].map(([file]) => file)
    assert.equal(files.length, 2)
    for (const file of files) assert.ok(existsSync(file) && file.startsWith(folder), file)
    assert.match(await readFile(files[0] ?? '', 'utf8'), /# Exactly once: proved[\s\S]*seed 1/)
    assert.equal(await schemas(), 0)
    assert.deepEqual((await client.query('select service from logs')).rows, [{ service: 'theirs' }])
    const log = await platformaticTransport({
      brokers: [broker.address],
      clientId: 'test',
      requestTimeoutMs: 60_000,
      connectTimeoutMs: 60_000,
    }).openLog()
    const topic = String((certificate['settings'] as Record<string, unknown>)['topic'])
    assert.equal((await log.metadata(topic)).partitions, null, 'its topic is gone')
    await log.close()
  })

  test('interrupted, it ends its workers and takes everything away again', async () => {
    const child = spawn(process.execPath, [main, 'prove', '--minutes', '5', '--workers', '2'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => (said += chunk))
    child.stderr.on('data', (chunk) => (said += chunk))
    const exited = once(child, 'exit')
    await until('a fault', () => /again after/.test(said))
    assert.equal(await schemas(), 1)
    child.kill('SIGINT')
    const [code] = await exited
    assert.equal(code, 130)
    assert.match(said, /Interrupted/)
    assert.equal(await schemas(), 0)
    const { rowCount } = await client.query(`select from pg_stat_activity where application_name like '%process %'`)
    assert.equal(rowCount, 0, 'no worker is connected any more')
  })

  test('a database that silently drops one row in a thousand is found out', async () => {
    await client.query(`
      create function drop_some() returns trigger language plpgsql as $$
        begin if new.kafka_offset % 1000 = 123 then return null; end if; return new; end $$;
      create function plant() returns event_trigger language plpgsql as $$
        declare made record;
        begin
          for made in select * from pg_event_trigger_ddl_commands() where object_identity like '%.logs' and command_tag = 'CREATE TABLE' loop
            execute format('create trigger drop_some before insert on %s for each row execute function public.drop_some()', made.object_identity);
          end loop;
        end $$;
      create event trigger plant on ddl_command_end when tag in ('CREATE TABLE') execute function plant()`)
    const { code, said, certificate } = await prove(['--minutes', '0.75', '--seed', '2'], env, folder)
    assert.equal(code, 1, said)
    assert.equal(certificate['verdict'], 'failed')
    const { messages, lost } = certificate as { messages: { in_topic: number }; lost: number }
    const perPartition = messages.in_topic / 4
    assert.ok(lost >= Math.floor(perPartition / 1000) && lost > 0, `lost ${lost} of ${messages.in_topic}`)
    assert.ok(lost <= 12 * Math.ceil(perPartition / 1000), `lost ${lost} of ${messages.in_topic}`)
    assert.match(JSON.stringify(certificate['reasons']), /missing.*rows_missing/)
    assert.match(said, /✗ Not exactly once/)
    assert.equal(await schemas(), 0)
  })
})
