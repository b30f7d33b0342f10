import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { linesOf, readable } from '../../src/lines.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'insighthub-lines-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function read(content: string | Buffer): Promise<string[]> {
  const file = join(folder, 'input')
  await writeFile(file, content)
  const lines: string[] = []
  for await (const line of linesOf(file)) lines.push(line.toString())
  return lines
}

test('lines come without their ends, empty ones not at all, a last one without an end too', async () => {
  assert.deepEqual(await read('a\r\nb\n\n\nc'), ['a', 'b', 'c'])
})

test('a gzipped file is recognised by its bytes', async () => {
  const many = Array.from({ length: 50_000 }, (_, i) => `{"n":${i}}`)
  assert.deepEqual(await read(gzipSync(many.join('\n'))), many)
})

test('a file that is missing or broken is an INPUT error that names it', async () => {
  const missing = { code: 'INPUT', message: /nowhere: there is no such file$/ }
  await assert.rejects(linesOf(join(folder, 'nowhere')).next(), missing)
  await assert.rejects(readable(join(folder, 'nowhere')), missing)
  const notAFile = { code: 'INPUT', message: `${folder}: a folder, not a file` }
  await assert.rejects(linesOf(folder).next(), notAFile)
  await assert.rejects(readable(folder), notAFile)
  await readable('-')
  await assert.rejects(read(gzipSync('x'.repeat(100_000)).subarray(0, 60)), { code: 'INPUT' })
})
