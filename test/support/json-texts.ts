/** What may stand between the quotes of a JSON string, and what may not: as bytes, since some of it is no text. */
import fc from 'fast-check'

const PLAIN = [
  '',
  'a',
  ' ',
  'order 17 of ',
  '/x=7',
  'Jun',
  '2026-01-01',
  'x'.repeat(37),
  'words and 12 numbers, '.repeat(9),
]
const OTHER_ALPHABETS = ['é', 'ß', 'ж', 'Заказ 7 ', '注文', '\u2028', '\ufeff', '\ufffd', '\u007f', '🚚', '\u{10ffff}']
const ESCAPES = [
  '\\n',
  '\\t',
  '\\r',
  '\\b',
  '\\f',
  '\\"',
  '\\\\',
  '\\/',
  '\\u001b',
  '\\u001B',
  '\\u000a',
  '\\u0041',
  '\\u0037',
  '\\u007f',
]
const WIDE_ESCAPES = ['\\u00e9', '\\u00E9', '\\u6ce8', '\\u2028', '\\ufffd', '\\ud83d\\ude9a', '\\uD83D\\uDE9A']
const FAULTY = [
  '\\ud83d',
  '\\ude9a',
  '\\ud83d\\u0041',
  '\\u0000',
  '\\x',
  '\\',
  '\\u',
  '\\u12',
  '\\u00g0',
  '\u0001',
  '\n',
  '\t',
]
/** Stray tails, cut and overlong sequences, surrogates, beyond 10FFFF. */
const NOT_UTF8 = [
  '80',
  'ff',
  'c3',
  'c080',
  'c1bf',
  'e2',
  'e282',
  'e08080',
  'e09fbf',
  'eda080',
  'edbfbf',
  'f0',
  'f09f9a',
  'f08fbfbf',
  'f4908080',
  'f5808080',
]

export const FAULTLESS_PIECES: readonly Buffer[] = [...PLAIN, ...OTHER_ALPHABETS, ...ESCAPES, ...WIDE_ESCAPES].map(
  (each) => Buffer.from(each),
)
export const FAULTY_PIECES: readonly Buffer[] = [
  ...FAULTY.map((each) => Buffer.from(each)),
  ...NOT_UTF8.map((each) => Buffer.from(each, 'hex')),
]

const joined = (pieces: readonly Buffer[], maxLength: number) =>
  fc.array(fc.constantFrom(...pieces), { maxLength }).map((each) => Buffer.concat(each))

/** Between no quotes; one in a few is not well-formed, or can't be stored as it is. Up to some thousand bytes. */
export const jsonText: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 2, arbitrary: joined(FAULTLESS_PIECES, 12) },
  { weight: 2, arbitrary: joined(FAULTLESS_PIECES, 120) },
  { weight: 1, arbitrary: joined([...FAULTLESS_PIECES, ...FAULTY_PIECES], 8) },
)
