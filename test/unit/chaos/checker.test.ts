/** The judge is judged: of a table with one row too few, too many or another, it must say so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochMs, type RawRecord } from '../../../src/log.ts'
import { checkPartition, type Query, type Verdict } from '../../chaos/checker.ts'

const MINUTE = 1_700_000_000_000

function record(offset: number, value: string | null): RawRecord {
  const bytes = value === null ? null : Buffer.from(value)
  return { offset, timestamp: epochMs(MINUTE + offset), key: null, value: bytes, headers: null }
}

/** 0 to 9: logs, but 3, which nobody can read, 5, a tombstone, and 7, which holds two. */
const RECORDS = Array.from({ length: 10 }, (_, offset) => {
  const log = (message: string) => JSON.stringify({ service: 'a', level: 'INFO', message, latency_ms: 1.5 })
  if (offset === 3) return record(offset, '{"service":')
  if (offset === 5) return record(offset, null)
  if (offset === 7) return record(offset, `[${log('first')},${log('second')}]`)
  return record(offset, log(`number ${offset}`))
})

interface Row {
  o: string
  item: number
  service: string
  level: string
  message: string
  latency: string
  created: string
  user_id: string
}
interface Letter {
  o: string
  item: number
  reason: string
}

function row(offset: number, item: number, message: string): Row {
  const created = String((MINUTE + offset) * 1000)
  return { o: String(offset), item, service: 'a', level: 'INFO', message, latency: '2', created, user_id: '' }
}

const ROWS: readonly Row[] = RECORDS.flatMap(({ offset }) => {
  if (offset === 3 || offset === 5) return []
  if (offset === 7) return [row(7, 0, 'first'), row(7, 1, 'second')]
  return [row(offset, 0, `number ${offset}`)]
})
const LETTERS: readonly Letter[] = [{ o: '3', item: -1, reason: 'bad_json' }]

/** Tables with these rows and dead letters, asked in ranges of offsets. */
function tables(rows: readonly Row[], letters: readonly Letter[]): Query {
  return async <R extends Record<string, unknown>>(text: string): Promise<R[]> => {
    const [from = 0, to = 0] = [...text.matchAll(/offset"? (?:>=|<) (\d+)/g)].map((match) => Number(match[1]))
    const found = (text.includes('ingest_dead_letter') ? letters : rows) as readonly { o: string }[]
    return found.filter(({ o }) => Number(o) >= from && Number(o) < to) as unknown as R[]
  }
}

async function counts(rows: readonly Row[], letters = LETTERS): Promise<Omit<Verdict, 'differences'>> {
  const slices = [RECORDS.slice(0, 4), RECORDS.slice(4, 8), RECORDS.slice(8)]
  const { differences, ...rest } = await checkPartition(tables(rows, letters), 0, slices)
  assert.equal(differences.length > 0, rest.lost + rest.duplicated + rest.altered > 0, differences.join('\n'))
  return rest
}

const WHOLE = { records: 10, rows: 9, deadLetters: 1, lost: 0, duplicated: 0, altered: 0 }

test('a table that holds each log once is whole', async () => {
  assert.deepEqual(await counts(ROWS), WHOLE)
})

test('one row too few is lost, wherever in a slice it was', async () => {
  for (const missing of ROWS)
    assert.deepEqual(await counts(ROWS.filter((each) => each !== missing)), { ...WHOLE, rows: 8, lost: 1 })
})

test('one row twice is duplicated', async () => {
  for (const twice of ROWS) assert.deepEqual(await counts([...ROWS, twice]), { ...WHOLE, rows: 10, duplicated: 1 })
})

test('a row with another field is altered, one with the payload of its neighbour too', async () => {
  for (const change of [{ message: 'x' }, { level: 'WARN' }, { latency: '1' }, { created: '0' }, { user_id: 'u' }]) {
    const rows = ROWS.map((each) => (each.o === '4' ? { ...each, ...change } : each))
    assert.deepEqual(await counts(rows), { ...WHOLE, altered: 1 })
  }
  const swapped = ROWS.map((each) => (each.o === '8' ? { ...each, message: 'number 9' } : each))
  assert.deepEqual(await counts(swapped), { ...WHOLE, altered: 1 })
})

test('a row of no record is found, also behind the last', async () => {
  for (const o of ['3', '5', '10', '999999']) {
    const found = await counts([...ROWS, { ...row(0, 0, 'from nowhere'), o }])
    assert.deepEqual(found, { ...WHOLE, rows: 10, altered: 1 })
  }
})

test('a dead letter that is missing, of another reason, or of a good record is found', async () => {
  assert.deepEqual(await counts(ROWS, []), { ...WHOLE, deadLetters: 0, lost: 1 })
  assert.deepEqual(await counts(ROWS, [{ o: '3', item: -1, reason: 'too_deep' }]), { ...WHOLE, lost: 1 })
  const more = [...LETTERS, { o: '4', item: -1, reason: 'bad_json' }]
  assert.deepEqual(await counts(ROWS, more), { ...WHOLE, deadLetters: 2, altered: 1 })
})
