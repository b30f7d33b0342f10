import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fieldsOf, recordsOf } from '../../../src/evaluation/csv.ts'

it('fields may be quoted, empty, and hold commas and doubled quotes', () => {
  assert.deepEqual(fieldsOf('a,,"b, ""c""",'), ['a', '', 'b, "c"', ''])
  assert.deepEqual(fieldsOf('"",1'), ['', '1'])
  assert.deepEqual(fieldsOf('plain'), ['plain'])
})

describe('a file of records', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'csv-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function all(text: string | Buffer, needed: string[]): Promise<(readonly string[])[]> {
    const file = join(folder, 'a.csv')
    await writeFile(file, text)
    const records: (readonly string[])[] = []
    for await (const { fields } of recordsOf(file, needed)) records.push(fields)
    return records
  }

  it('may be gzipped, begin with a byte order mark and break lines within quotes', async () => {
    const text = '\uFEFFid,text\r\n1,"two\nlines"\r\n2,one\r\n'
    const expected = [
      ['1', 'two\nlines'],
      ['2', 'one'],
    ]
    assert.deepEqual(await all(text, ['id', 'text']), expected)
    assert.deepEqual(await all(gzipSync(text), ['id']), expected)
  })

  it('is refused by the name of the column that it lacks', async () => {
    await assert.rejects(all('a,b\n1,2\n', ['a', 'label']), /no column label/)
  })
})
