/** ARCHITECTURE.md names every folder of the source, and only files and folders that exist. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')

test('the map of folders is the source', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const named = new Set([...page.matchAll(/\bsrc\/([a-z-]+)\//g)].map((match) => match[1] ?? ''))
  assert.deepEqual([...named].sort(), folders.map(({ name }) => name).sort())
})

test('every file that "where to change what" names exists', () => {
  const table = page.slice(page.indexOf('## Where to change what'))
  const files = [...table.matchAll(/`([a-z/-]+(?:\.[a-z]+|\/))`/g)].map((match) => match[1] ?? '')
  assert.ok(files.length > 8)
  assert.deepEqual(
    files.filter((file) => !existsSync(join(root, 'src', file)) && !existsSync(join(root, file))),
    [],
  )
})
