/** What the encoder takes, PostgreSQL takes and gives back equal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/demo/random.ts'
import { throughPostgres } from '../fuzz/messages.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'

const server = withServer()

test('thousands of messages of every shape through a real table and back', { timeout: 600_000 }, async () => {
  const { client } = await migratedDatabase(server())
  for (let seed = 1; seed <= 4; seed++) assert.deepEqual(await throughPostgres(client, new Random(seed), 1_000), [])
})
