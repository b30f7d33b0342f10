/** Bytes that are almost right: seeds of the grammar, changed in one place or several. The same seed gives the same inputs. */
import { hostileMessages } from '../../src/demo/hostile.ts'
import type { Random } from '../../src/demo/random.ts'
import { FIELD_ALIASES } from '../../src/normalize/aliases.ts'

const NAMES = [
  ...Object.values(FIELD_ALIASES).flat(),
  '__proto__',
  'constructor',
  '_coerced',
  '_truncated',
  'x',
  'é',
  '\u0000',
  '',
]
const ATOMS = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '12',
  '-1',
  '1.5',
  '1e400',
  '1e-400',
  '123456789012345678901234567890',
  '2147483648',
  '1764720000',
  '1764720000000',
  '1764720000.123456',
  '9007199254740993',
  '"INFO"',
  '"warn"',
  '"2025-12-03T15:00:00Z"',
  '"2025-12-03T15:00:00.123456789+05:30"',
  '"2025-02-30T25:61:00Z"',
  '""',
  '" "',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"12ms"',
  '"é\\n\\t\\""',
  '"\ufeff"',
  '[]',
  '{}',
  '[1,[2,[3]]]',
  '{"a":{"b":[null]}}',
  '"\\u2028"',
] as const
const LEVELS = ['INFO', 'ERROR', 'DEBUG', 'warn', 'FATAL'] as const
/** Parts of messages: what JSON can't write as it is, and what other alphabets have. */
const TEXT_PIECES = [
  ...['order 17 ', ' of ', 'Größe ', 'Заказ ', '注文', '🚚', '\u2028', '\u007f', '\ufeff', 'x'.repeat(40)],
  ...['\\n', '\\t', '\\"', '\\\\', '\\/', '\\u00e9', '\\u001b', '\\u001B', '\\ud83d\\ude9a', '\\u6ce8'],
] as const
const PIECES = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '\\u',
  '\\ud83d',
  '\\ude9a',
  '\\u0000',
  'é',
  '\u0000',
  '\ufeff',
  'NaN',
  '1e',
  '-',
  ' ',
  '\n',
  '"a":',
  '/*',
  '\u{1f600}',
].map((piece) => Buffer.from(piece))

const seeds: readonly Buffer[] = hostileMessages().flatMap(({ value }) => (value === null ? [] : [value]))
/** What costs next to nothing to copy and to read; the long ones are drawn once in a thousand. */
const shortSeeds = seeds.filter(({ length }) => length <= 1_000)

/** A JSON object out of the grammar: known names, unknown ones, atoms of every kind, nested or not. */
function grown(random: Random): string {
  const members = Array.from({ length: random.below(9) }, () => {
    const name = JSON.stringify(NAMES[random.below(NAMES.length)] ?? 'x')
    return `${name}${random.next() < 0.1 ? ' : ' : ':'}${value(random, 0)}`
  })
  return `{${members.join(random.next() < 0.1 ? ' ,\n' : ',')}}`
}

function value(random: Random, depth: number): string {
  const kind = random.next()
  if (kind < 0.75 || depth > 4) return ATOMS[random.below(ATOMS.length)] ?? 'null'
  if (kind < 0.85) return JSON.stringify(random.hex(random.below(300)))
  const members = Array.from({ length: random.below(4) }, () => value(random, depth + 1))
  return kind < 0.93 ? `[${members.join(',')}]` : `{${members.map((each, at) => `"k${at}":${each}`).join(',')}}`
}

function textOf(random: Random): string {
  if (random.next() < 0.5) return JSON.stringify(random.hex(random.below(120)))
  const pieces = Array.from({ length: random.below(12) }, () => TEXT_PIECES[random.below(TEXT_PIECES.length)] ?? '')
  return `"${pieces.join('')}"`
}

/** A log as nearly all are: known names with values of their kind, and some unknown ones; read without JSON.parse unless something is odd. */
function usual(random: Random): string {
  const members = [
    `"service":"s-${random.below(30)}"`,
    `"level":"${LEVELS[random.below(LEVELS.length)]}"`,
    `"message":${textOf(random)}`,
    `"timestamp":"2025-12-0${1 + random.below(3)}T15:0${random.below(10)}:00.${random.below(1000)}Z"`,
    ...(random.next() < 0.7 ? [`"latency_ms":${random.below(100_000) / 10}`] : []),
    ...(random.next() < 0.3
      ? [`"user_id":"u-${random.below(1e6)}"`]
      : random.next() < 0.1
        ? [`"uid":${textOf(random)}`]
        : []),
  ]
  for (let extras = random.below(5); extras > 0; extras--) {
    const name = random.next() < 0.1 ? (NAMES[random.below(NAMES.length)] ?? 'x') : `x${random.below(6)}`
    const space = random.next() < 0.1 ? ' ' : ''
    members.splice(
      random.below(members.length + 1),
      0,
      `${JSON.stringify(name)}${space}:${space}${random.next() < 0.3 ? textOf(random) : value(random, 3)}`,
    )
  }
  return `{${members.join(random.next() < 0.1 ? ', ' : ',')}}`
}

/** Some bytes changed, put in, left out, doubled or cut off. */
export function mutate(given: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(given)
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(bytes.length + 1)
    switch (random.below(6)) {
      case 0:
        if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
        break
      case 1:
        if (bytes.length > 0) {
          const where = random.below(bytes.length)
          bytes[where] = (bytes[where] ?? 0) ^ (1 << random.below(8))
        }
        break
      case 2:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          PIECES[random.below(PIECES.length)] ?? Buffer.alloc(0),
          bytes.subarray(at),
        ])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + random.below(8)))])
        break
      case 4:
        bytes = bytes.subarray(0, at)
        break
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(Math.max(0, at - random.below(20)), at),
          bytes.subarray(at),
        ])
    }
  }
  return bytes
}

/** One message: usual, grown, a seed, a changed one, an array of them, or noise. */
export function message(random: Random): Buffer | null {
  const kind = random.next()
  if (kind < 0.15) return Buffer.from(usual(random))
  if (kind < 0.25) return mutate(Buffer.from(usual(random)), random)
  if (kind < 0.45) return Buffer.from(grown(random))
  if (kind < 0.65) return mutate(Buffer.from(grown(random)), random)
  if (kind < 0.85) {
    const from = random.next() < 0.001 ? seeds : shortSeeds
    return mutate(from[random.below(from.length)] ?? Buffer.alloc(0), random)
  }
  if (kind < 0.92) return Buffer.from(`[${Array.from({ length: random.below(6) }, () => grown(random)).join(',')}]`)
  if (kind < 0.93) return null
  if (kind < 0.95)
    return Buffer.from(grown(random).repeat(1 + random.below(40)), random.next() < 0.5 ? 'utf8' : 'utf16le')
  return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)))
}
