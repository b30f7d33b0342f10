/** What a range has to become, and whether it did: compared as values, told as text only where they differ. */
import type { Counts, StoredLetter, StoredLog } from './database.ts'
import { fail } from './violation.ts'

/** What a row has to show: where it comes from, its message and its time. */
type ExpectedRow = Pick<StoredLog, 'offset' | 'item' | 'message' | 'createdMs'>
/** Where a dead letter comes from. */
type Place = Pick<StoredLetter, 'offset' | 'item'>

/** What the records of a range have to become. */
export interface Expected {
  readonly rows: ExpectedRow[]
  readonly letters: Place[]
  readonly messages: string[]
  readonly counts: Counts
}

export function nothingExpected(): Expected {
  return {
    rows: [],
    letters: [],
    messages: [],
    counts: { records: 0, dead: 0, deadItems: 0, skipped: 0, holes: 0, gaps: 0, rows: 0 },
  }
}

/** Violates I1 where the rows are others, or in another order. */
export function sameRows(what: string, found: readonly ExpectedRow[], expected: readonly ExpectedRow[]): void {
  same(what, found, expected, sameRow, rowText)
}

/** Violates I1 where the dead letters are others. Sorts both. */
export function sameLetters(what: string, found: Place[], expected: Place[]): void {
  same(what, found.sort(byPlace), expected.sort(byPlace), samePlace, placeText)
}

const samePlace = (a: Place, b: Place): boolean => a.offset === b.offset && a.item === b.item
const sameRow = (a: ExpectedRow, b: ExpectedRow): boolean =>
  samePlace(a, b) && a.message === b.message && a.createdMs === b.createdMs
const byPlace = (a: Place, b: Place): number => a.offset - b.offset || a.item - b.item
const placeText = ({ offset, item }: Place): string => `${offset}/${item}`
const rowText = (row: ExpectedRow): string => `${placeText(row)} ${row.message} ${row.createdMs}`

function same<T>(
  what: string,
  found: readonly T[],
  expected: readonly T[],
  alike: (a: T, b: T) => boolean,
  text: (each: T) => string,
): void {
  if (found.length === expected.length && found.every((each, index) => alike(each, expected[index]!))) return
  const [there, wanted] = [found.map(text), expected.map(text)]
  const missing = wanted.filter((each) => !there.includes(each))
  const extra = there.filter((each) => !wanted.includes(each))
  fail(
    'I1',
    `${what}: missing [${missing.slice(0, 3)}], not expected [${extra.slice(0, 3)}], ${found.length} instead of ${expected.length}`,
  )
}
