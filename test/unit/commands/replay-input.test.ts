import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lettersToReplay } from '../../../src/commands/dead-letters-replay.ts'
import { ProcessorError } from '../../../src/errors.ts'

const database = { host: 'nowhere.invalid', port: 1, database: 'x', user: 'x', password: 'x', ssl: false } as const
const place = { database: { ...database, applicationName: 'test' }, namespace: 'default' }

for (const option of ['input', 'value'] as const) {
  test(`a file of --${option} that is not there is named in a sentence`, async () => {
    const letters = lettersToReplay(
      option === 'value' ? ['logs/0/1'] : [],
      { rate: 1, [option]: '/no/such/file' },
      place,
    )
    await assert.rejects(letters.next(), (error) => {
      assert.ok(error instanceof ProcessorError)
      assert.equal(error.code, 'INPUT')
      assert.match(error.message, /\/no\/such\/file: .*no such file/)
      return true
    })
  })
}
