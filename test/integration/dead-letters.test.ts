import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { deadLettersList, deadLettersShow } from '../../src/commands/dead-letters.ts'
import type { DeadLetterFilter } from '../../src/postgres/dead-letter-filter.ts'
import { listDeadLetters, showDeadLetter } from '../../src/postgres/dead-letters.ts'
import { migratedDatabase, type TestDatabase, withServer } from '../support/postgres.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const evil = Buffer.from('{"service":"\u001b[2J\u202e",')
const raw = Buffer.from([0xff, 0x00, 0x1b, 0x5b])

describe('dead letters', { timeout: 600_000 }, () => {
  const server = withServer()
  let database: TestDatabase

  before(async () => {
    database = await migratedDatabase(server())
    const insert = `
      insert into ingest_dead_letter
        (namespace, topic, incarnation, part, "offset", item, record_ts, reason, detail, service, fingerprint, created_at,
         key, value, value_size, value_sha256, headers)
      values ('default', 'logs', 1, $1, $2, $3, $4, $5, $6, $7, 'f', $8, null, $9, $10, $11, $12)`
    const letters: [number, number, number, string, string | null, string, Buffer | null][] = [
      [0, 10, -1, 'bad_json', null, '2026-01-01T10:00:00Z', evil],
      [0, 11, -1, 'bad_json', 'auth', '2026-01-01T11:00:00Z', raw],
      [1, 5, 0, 'bad_item', 'auth', '2026-01-01T12:00:00Z', Buffer.from('[1,2]')],
      [1, 5, 1, 'bad_item', 'pay\u001b[31mment', '2026-01-01T12:00:00Z', Buffer.alloc(9000, 'x')],
      [1, 6, -1, 'bad_json', null, '2026-01-01T13:00:00Z', null],
    ]
    for (const [part, offset, item, reason, service, createdAt, value] of letters) {
      const hash = value === null ? null : createHash('sha256').update(value).digest()
      const time = part === 0 ? '2026-01-01T09:59:59.5Z' : null
      const rest = [value, value?.length ?? null, hash, JSON.stringify([['trace', 'YQ==']])]
      await database.client.query(insert, [
        part,
        offset,
        item,
        time,
        reason,
        `detail ${offset}`,
        service,
        createdAt,
        ...rest,
      ])
    }
  })

  const list = async (filter: DeadLetterFilter & { readonly limit?: number }): Promise<string[]> => {
    const { letters } = await listDeadLetters(database.options, { limit: 100, ...filter })
    return letters.map(({ partition, offset, item }) => `${partition}/${offset}/${item}`)
  }

  test('are listed newest first, filtered by reason, service and time', async () => {
    assert.deepEqual(await list({}), ['1/6/-1', '1/5/0', '1/5/1', '0/11/-1', '0/10/-1'])
    assert.deepEqual(await list({ limit: 2 }), ['1/6/-1', '1/5/0'])
    assert.deepEqual(await list({ reason: 'bad_json', service: 'auth' }), ['0/11/-1'])
    const [since, until] = [new Date('2026-01-01T11:00:00Z'), new Date('2026-01-01T12:00:00Z')]
    assert.deepEqual(await list({ since, until }), ['0/11/-1'])
    assert.deepEqual(await list({ service: "' or true --" }), [])
  })

  test('are counted by reason over all that match, whatever the limit', async () => {
    const { counts } = await listDeadLetters(database.options, { limit: 1 })
    assert.deepEqual(counts, [
      { reason: 'bad_json', count: 3 },
      { reason: 'bad_item', count: 2 },
    ])
  })

  test('are shown whole by position, every item of a record or one', async () => {
    const position = { topic: 'logs', partition: 1, offset: 5 }
    const both = await showDeadLetter(database.options, { position })
    assert.deepEqual(
      both.map(({ item }) => item),
      [0, 1],
    )
    const [letter] = await showDeadLetter(database.options, { position: { ...position, item: 1 } })
    assert.equal(letter?.value?.length, 9000)
    assert.equal(letter?.valueSha256, createHash('sha256').update(Buffer.alloc(9000, 'x')).digest('hex'))
    assert.deepEqual(letter?.headers, [['trace', 'YQ==']])
    assert.deepEqual(await showDeadLetter(database.options, { position: { ...position, offset: 99 } }), [])
  })

  test('of another installation in the same database are not ours', async () => {
    await database.client.query(`insert into ingest_dead_letter (namespace, topic, incarnation, part, "offset", item, reason, detail, fingerprint)
      values ('other', 'logs', 1, 0, 10, -1, 'compressed', 'theirs', 'f'), ('other', 'logs', 1, 7, 7, -1, 'compressed', 'theirs', 'f')`)
    const { host, port, user, password, database: name } = database.options
    const env = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: name }
    const said = async (namespace: string, ...args: string[]): Promise<string> => {
      const run = promisify(execFile)
      const command = run(process.execPath, [main, 'dead-letters', ...args], {
        env: { ...env, INSIGHTHUB_NAMESPACE: namespace },
      })
      return command.then(
        ({ stdout }) => stdout,
        (error: { stdout: string }) => error.stdout,
      )
    }
    try {
      for (const command of ['list', 'groups']) {
        assert.match(await said('other', command), /compressed/, command)
        assert.doesNotMatch(await said('other', command), /bad_json/, command)
        assert.doesNotMatch(await said('default', command), /compressed/, command)
        assert.equal(await said('nobody', command), 'no dead letters in the namespace nobody\n')
      }
      assert.match(await said('other', 'show', 'logs/0/10'), /theirs/)
      assert.doesNotMatch(await said('default', 'show', 'logs/0/10'), /theirs/)
      assert.match(await said('default', 'show', 'logs/7/7'), /no dead letter/)
    } finally {
      await database.client.query(`delete from ingest_dead_letter where namespace = 'other'`)
    }
  })

  test('reach a terminal without a control character, and machines as JSON', async () => {
    let text = ''
    const write = (some: string): void => {
      text += some
    }
    const output = { database: database.options, write }
    const filter = { limit: 100 }
    assert.equal(await deadLettersList({ ...output, filter }), 0)
    for (const [partition, offset] of [
      [0, 10],
      [0, 11],
      [1, 5],
      [1, 6],
    ] as const)
      assert.equal(await deadLettersShow({ ...output, position: { topic: 'logs', partition, offset } }), 0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    assert.match(text, /3 {2}bad_json/)
    assert.match(text, /logs\/1\/5\/1/)
    assert.match(text, /ff 00 1b 5b/)
    assert.match(text, /4904 more bytes/)
    assert.equal(await deadLettersShow({ ...output, position: { topic: 'logs', partition: 9, offset: 9 } }), 1)
    text = ''
    await deadLettersList({ ...output, filter, json: true })
    const { letters } = JSON.parse(text)
    assert.equal(Buffer.from(letters.at(-1).value, 'base64').equals(evil), true)
  })
})
