/**
 * One message or more of every kind that has stopped, slowed or confused a log pipeline somewhere, as raw bytes, each with what
 * becomes of it here.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { RejectReason, SkipReason } from '../log.ts'

export type HostileOutcome =
  | { readonly kind: 'rows'; readonly count: number }
  | { readonly kind: 'dead'; readonly reason: RejectReason }
  | { readonly kind: 'mixed'; readonly rows: number; readonly dead: readonly RejectReason[] }
  | { readonly kind: 'skip'; readonly reason: SkipReason }

export interface HostileMessage {
  readonly name: string
  readonly value: Buffer | null
  readonly headers?: readonly (readonly [name: string, value: Buffer | null])[]
  /** The record's own, in epoch ms; by default when it is sent. */
  readonly timestamp?: number
  readonly expected: HostileOutcome
}

const ROW: HostileOutcome = { kind: 'rows', count: 1 }
const dead = (reason: RejectReason): HostileOutcome => ({ kind: 'dead', reason })

function fields(extra: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    service: 'hostile',
    level: 'INFO',
    message: 'm',
    timestamp: '2026-01-05T00:00:00Z',
    ...extra,
  })
}

/** Text that goes into the JSON as it stands: what JSON.stringify would not write. */
function raw(member: string): string {
  return `{"service":"hostile","level":"INFO","message":"m",${member}}`
}

const texts: readonly (readonly [name: string, value: string, expected: HostileOutcome])[] = [
  ['broken JSON', '{"service":"hostile"', dead('bad_json')],
  ['trailing garbage', `${fields({})}${fields({})}`, dead('bad_json')],
  ['a trailing NUL', `${fields({})}\u0000`, dead('bad_json')],
  ['NaN', raw('"latency_ms":NaN'), dead('bad_json')],
  ['single quotes', "{'service':'hostile'}", dead('bad_json')],
  ['a comment', '{"service":"hostile" /* no */}', dead('bad_json')],
  ['null', 'null', dead('not_an_object')],
  ['a number', '42', dead('not_an_object')],
  ['a text', '"hello"', dead('not_an_object')],
  ['an array of logs', `[${fields({})},${fields({})},${fields({})}]`, { kind: 'rows', count: 3 }],
  ['an array with one bad element', `[${fields({})},17,${fields({})}]`, { kind: 'mixed', rows: 2, dead: ['bad_item'] }],
  ['too many elements', `[${Array.from({ length: 1001 }, () => '{}').join(',')}]`, dead('too_many_items')],
  ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, dead('too_deep')],
  ['a NUL escape', raw('"x":"a\\u0000b"'), ROW],
  ['a NUL escape in the message', fields({ message: 'a\u0000b' }), ROW],
  ['half a surrogate pair', raw('"x":"\\ud800"'), ROW],
  ['half a surrogate pair in the message', fields({ message: 'a\ud800b' }), ROW],
  ['a byte order mark', `\ufeff${fields({})}`, ROW],
  ['__proto__', raw('"__proto__":{"polluted":true},"constructor":{"prototype":1}'), ROW],
  ['a key twice', raw('"message":"second"'), ROW],
  ['latency as text', fields({ latency_ms: '123' }), ROW],
  ['latency with a unit', fields({ latency_ms: '12ms' }), ROW],
  ['latency as an object', fields({ latency_ms: {} }), ROW],
  ['latency as an array', fields({ latency_ms: [1] }), ROW],
  ['latency as true', fields({ latency_ms: true }), ROW],
  ['latency as nothing', fields({ latency_ms: '' }), ROW],
  ['latency with an exponent', fields({ latency_ms: '1e3' }), ROW],
  ['latency with a fraction', fields({ latency_ms: 12.7 }), ROW],
  ['latency of minus nothing', raw('"latency_ms":-0'), ROW],
  ['latency beyond whole doubles', raw('"latency_ms":9007199254740993'), ROW],
  ['latency beyond every number', raw('"latency_ms":1e400'), ROW],
  ['latency beyond the column', fields({ latency_ms: 99_999_999_999 }), ROW],
  ['negative latency', fields({ latency_ms: -5 }), ROW],
  ['a number beyond jsonb', raw('"x":1e200000'), ROW],
  ['epoch seconds', fields({ timestamp: 1_767_225_600 }), ROW],
  ['epoch milliseconds', fields({ timestamp: 1_767_225_600_000 }), ROW],
  ['epoch microseconds', fields({ timestamp: 1_767_225_600_000_000 }), ROW],
  ['epoch nanoseconds as text', fields({ timestamp: '1767225600000000000' }), ROW],
  ['a time that Date would guess', fields({ timestamp: 'foo 1' }), ROW],
  ['the 30th of February', fields({ timestamp: '2024-02-30T00:00:00Z' }), ROW],
  ['a leap second', fields({ timestamp: '2016-12-31T23:59:60Z' }), ROW],
  ['a year alone', fields({ timestamp: '2024' }), ROW],
  ['a space for the T and no zone', fields({ timestamp: '2025-12-03 15:00:00' }), ROW],
  ['the year 275760', fields({ timestamp: '+275760-09-13T00:00:00Z' }), ROW],
  ['a time before 1970', fields({ timestamp: -1 }), ROW],
  ['the year 9999', fields({ timestamp: '9999-12-31T00:00:00Z' }), ROW],
  ['the year 1', fields({ timestamp: '0001-01-01T00:00:00Z' }), ROW],
  ['no timestamp', '{"service":"hostile","level":"INFO","message":"m"}', ROW],
  ['a numeric level', fields({ level: 50 }), ROW],
  ['a level with blanks around', fields({ level: ' Error ' }), ROW],
  ['a level of null', fields({ level: null }), ROW],
  ['a level as an object', fields({ level: { a: 1 } }), ROW],
  ...['warning', 'err', 'fatal', 'crit', 'emerg', 'notice', 'trace', 'verbose'].map(
    (level) => [`the level ${level}`, fields({ level }), ROW] as const,
  ),
  ['a level nobody knows', fields({ level: 'x'.repeat(10_000) }), ROW],
  ['no service', fields({ service: undefined }), ROW],
  ['a service as an object', fields({ service: { a: 1 } }), ROW],
  ['a service as a number', fields({ service: 7 }), ROW],
  ['a service of blanks', fields({ service: ' \t ' }), ROW],
  ['a service of control characters', fields({ service: '\u0007\u0000\u001b' }), ROW],
  [
    'a service too long for an index',
    fields({
      service: Array.from({ length: 10_000 }, (_, i) => (i * 7919).toString(36))
        .join('')
        .slice(0, 10_000),
    }),
    ROW,
  ],
  ['a long message', fields({ message: 'x'.repeat(200_000) }), ROW],
  ['a message that is an object', fields({ message: { a: [1, 2] } }), ROW],
  ['much metadata', fields({ bulk: 'y'.repeat(200_000) }), ROW],
  ['a key of ten thousand characters', fields({ ['k'.repeat(10_000)]: 1 }), ROW],
  ['ten thousand keys', fields(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]))), ROW],
  ['COPY specials', fields({ message: 'tab\t newline\n return\r back\\slash \\. \\N \\x00' }), ROW],
  ['SQL', fields({ service: "'; drop table logs; --", message: "'); delete from logs; --" }), ROW],
  ['terminal escapes', fields({ service: '\u001b[31mred\u001b[0m\u202e', message: '\u001b]0;title\u0007' }), ROW],
  ['JSON within JSON', JSON.stringify(fields({})), ROW],
  [
    'other field names',
    '{"app":"hostile","severity":"warning","msg":"m","@timestamp":"2026-01-05T00:00:00Z","duration_ms":3}',
    ROW,
  ],
  ['extra fields', fields({ region: 'eu', tags: ['a', 'b'], nested: { deep: true } }), ROW],
]

export function hostileMessages(): readonly HostileMessage[] {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(fields({}), 'utf16le')])
  return [
    ...texts.map(([name, text, expected]) => ({ name, value: Buffer.from(text), expected })),
    { name: 'a tombstone', value: null, expected: { kind: 'skip', reason: 'tombstone' } },
    { name: 'nothing', value: Buffer.alloc(0), expected: { kind: 'skip', reason: 'empty' } },
    { name: 'bytes that are not UTF-8', value: Buffer.from(fields({ message: 'caf\u00e9' }), 'latin1'), expected: ROW },
    { name: 'UTF-16', value: utf16, expected: dead('wrong_encoding') },
    { name: 'gzip', value: gzipSync(fields({})), expected: dead('compressed') },
    { name: 'zstd', value: zstdCompressSync(Buffer.from(fields({}))), expected: dead('compressed') },
    {
      name: "a schema registry's framing",
      value: Buffer.from([0, 0, 0, 0, 7, 2, 14, 104, 111]),
      expected: dead('schema_registry_framing'),
    },
    {
      name: 'a binary format',
      value: Buffer.from([0x84, 0xa7, 0x73, 0x65, 0x72, 0x00, 0x01, 0xff, 0xfe, 0x02]),
      expected: dead('binary'),
    },
    {
      name: 'more than a megabyte',
      value: Buffer.from(fields({ message: 'z'.repeat(1_100_000) })),
      expected: dead('too_large'),
    },
    ...enveloped(),
  ]
}

/** What is hostile about these is around the value. */
function enveloped(): readonly HostileMessage[] {
  const value = Buffer.from(fields({}))
  return [
    { name: 'headers that are not UTF-8', value, headers: [['h', Buffer.from([0xff, 0xfe, 0x00])]], expected: ROW },
    { name: 'a header twice', value, headers: [...'ab'].map((x) => ['h', Buffer.from(x)] as const), expected: ROW },
    {
      name: 'more than a megabyte of headers',
      value,
      headers: [['h', Buffer.alloc(1_100_000, 'x')]],
      expected: dead('too_large'),
    },
    { name: 'a record without a time', value: Buffer.from(raw('"x":1')), timestamp: -1, expected: ROW },
  ]
}
