/** docs/messages.md says what the code does, in both directions. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REJECT_REASONS, SKIP_REASONS } from '../../src/log.ts'
import { FIELD_ALIASES } from '../../src/normalize/aliases.ts'
import { LEVEL_NAMES } from '../../src/normalize/level.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'

const page = readFileSync(new URL('../../docs/messages.md', import.meta.url), 'utf8')

/** First and second cell of every row of the table under a heading. */
function table(heading: string): [string, string][] {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${heading}\n`))
  assert.ok(section !== undefined, heading)
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) => {
    const cells = row.split('|').map((cell) => cell.trim())
    return [cells[1] ?? '', cells[2] ?? '']
  })
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')

test('the table of field names is the one in the code', () => {
  const written = Object.fromEntries(table('Names of the fields').map(([field, names]) => [field, quoted(names)]))
  assert.deepEqual(written, FIELD_ALIASES)
})

test('the table of levels is the one in the code', () => {
  const written = Object.fromEntries(table('Levels').map(([level, names]) => [level, quoted(names)]))
  assert.deepEqual(written, LEVEL_NAMES)
})

test('the reasons of dead letters and skips are those in the code, in their order', () => {
  assert.deepEqual(
    table('Dead letters').flatMap(([reason]) => quoted(reason)),
    REJECT_REASONS,
  )
  assert.deepEqual(
    table('Skips').flatMap(([reason]) => quoted(reason)),
    SKIP_REASONS,
  )
})

test('the limits are the defaults in the code', () => {
  const { messageBytesMax, itemsMax, depthMax, textBytesMax, metadataBytesMax, serviceLengthMax } =
    DEFAULT_NORMALIZE_LIMITS
  const limits = [messageBytesMax, itemsMax, depthMax, textBytesMax, metadataBytesMax, serviceLengthMax]
  assert.deepEqual(
    table('Limits').map(([, value]) => Number.parseInt(value, 10)),
    limits,
  )
})
