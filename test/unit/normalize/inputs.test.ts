/** Every kind of hostile or bad input, by its row in the table of inputs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logJson, normalized, onlyLog, onlyReject, RECORD_TIME } from '../../support/raw-records.ts'

const field = (name: string, json: string): string => logJson({ [name]: '@' }).replace('"@"', json)

test('row 0: a clean log has no metadata', () => {
  const { event } = onlyLog(logJson({ userId: 'u1' }))
  assert.deepEqual(event, {
    partition: 3,
    offset: 0,
    item: 0,
    service: 'auth',
    level: 'INFO',
    message: 'in',
    latencyMs: 12.5,
    createdAt: Date.parse('2025-12-31T23:59:59.500Z'),
    recordTimestamp: RECORD_TIME,
    userId: 'u1',
    metadata: null,
  })
})

test('row 1: malformed JSON is a dead letter with its record', () => {
  const texts = ['{"a":1}{"b":2}', '{"a":1}\0', '{"a":NaN}', "{'a':1}", '{"a":1/*x*/}', '{', '{"a":Infinity}', 'plain']
  for (const text of [...texts, '  ', '{"a":"\0"}', '{"a":1,}']) assert.equal(onlyReject(text), 'bad_json -1', text)
  const [reject] = normalized('{secret').rejects
  assert.equal(reject?.record.value?.toString(), '{secret')
  assert.doesNotMatch(reject?.detail ?? '', /secret/)
})

test('row 2: tombstones and empty values are skipped and counted', () => {
  assert.deepEqual(normalized(null), { events: [], rejects: [], skips: { tombstone: 1 } })
  assert.deepEqual(normalized(''), { events: [], rejects: [], skips: { empty: 1 } })
  assert.deepEqual(normalized(Buffer.from([0xef, 0xbb, 0xbf])).skips, { empty: 1 })
})

test('row 3: JSON that is no object is a dead letter, or a message where that is chosen', () => {
  for (const text of ['1', 'null', 'true', '"text"']) assert.equal(onlyReject(text), 'not_an_object -1')
  const limits = { plaintext: 'message' } as const
  assert.equal(onlyLog('"text"', { limits }).event.message, 'text')
  assert.equal(onlyLog('42', { limits }).event.message, '42')
  assert.equal(onlyLog('GET / 200', { limits }).event.message, 'GET / 200')
  assert.equal(onlyReject('{GET / 200', { limits }), 'bad_json -1')
  assert.ok(onlyLog('GET / 200', { limits }).coerced.includes('plaintext'))
})

test('row 4: an array becomes one log an element, up to the limit', () => {
  const { events } = normalized(`[${logJson({ message: 'a' })},${logJson({ message: 'b' })}]`)
  assert.deepEqual(
    events.map(({ item, message }) => [item, message]),
    [
      [0, 'a'],
      [1, 'b'],
    ],
  )
  const thousand = new Array(1000).fill('{"m":1}')
  assert.equal(normalized(`[${thousand}]`).events.length, 1000)
  assert.equal(onlyReject(`[${[...thousand, '{}']}]`), 'too_many_items -1')
  assert.deepEqual(normalized('[]').skips, { empty: 1 })
})

test('row 5: one bad element does not spoil the others', () => {
  const { events, rejects } = normalized(`[${logJson()},7,[],null,${logJson()}]`)
  assert.deepEqual(
    events.map(({ item }) => item),
    [0, 4],
  )
  assert.deepEqual(
    rejects.map(({ item, reason }) => [item, reason]),
    [
      [1, 'bad_item'],
      [2, 'bad_item'],
      [3, 'bad_item'],
    ],
  )
})

test('row 6: a message above the limit is not parsed, and one below it never takes long', () => {
  assert.equal(onlyReject(Buffer.alloc(1_048_577, '{')), 'too_large -1')
  let keys = ''
  for (let i = 0; keys.length < 1_040_000; i++) keys += `${i === 0 ? '' : ','}"_${i.toString(36)}":1`
  const { event, metadata } = onlyLog(`{${keys}}`)
  const count = keys.split(',').length
  assert.deepEqual(metadata?.['_truncated'], { fields: count, limit_bytes: 65_536 })
  assert.equal(event.service, 'unknown')
})

test('row 7: nesting beyond the limit is refused before it is parsed', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  assert.equal(onlyReject(nested(65)), 'too_deep -1')
  assert.equal(onlyReject('['.repeat(1_000_000)), 'too_deep -1')
  assert.equal(onlyLog(nested(64)).event.item, 0)
  assert.equal(onlyLog(logJson({ message: '[{"\\"'.repeat(100) })).metadata, null)
  assert.equal(onlyReject(JSON.stringify(nested(65))), 'too_deep -1')
})

test('row 8: NUL in text and metadata becomes U+FFFD', () => {
  const { event, coerced, metadata } = onlyLog('{"message":"a\\u0000b","k\\u0000":"\\u0000","n":[{"x":"\\u0000"}]}')
  assert.equal(event.message, 'a\uFFFDb')
  assert.ok(coerced.includes('message'))
  assert.equal(metadata?.['k\uFFFD'], '\uFFFD')
  assert.doesNotMatch(event.metadata ?? '', /u0000/)
})

test('row 9: lone surrogates become U+FFFD everywhere', () => {
  const { event } = onlyLog('{"message":"a\\ud800","service":"s\\udc00","k":"\\ud800","\\ud800":1,"userId":"\\ud800"}')
  assert.equal(event.message, 'a\uFFFD')
  assert.equal(event.service, 's\uFFFD')
  assert.equal(event.userId, '\uFFFD')
  assert.doesNotMatch(event.metadata ?? '', /\\ud/i)
})

test('row 10: invalid UTF-8 is replaced, flagged and kept', () => {
  const bytes = Buffer.from(logJson({ message: '??' }).replace('??', '\xff\xfe'), 'latin1')
  const { event, coerced } = onlyLog(bytes)
  assert.equal(event.message, '\uFFFD\uFFFD')
  assert.deepEqual(coerced, ['invalid_utf8'])
  assert.equal(onlyLog(logJson({ message: '\uFFFD' })).metadata, null)
})

test('row 11: a UTF-8 mark is dropped; UTF-16 and UTF-32 are refused', () => {
  assert.equal(onlyLog(`\uFEFF${logJson()}`).metadata, null)
  const utf16 = Buffer.from(`\uFEFF${logJson()}`, 'utf16le')
  assert.equal(onlyReject(utf16), 'wrong_encoding -1')
  assert.equal(onlyReject(utf16.subarray(2)), 'wrong_encoding -1')
  assert.equal(onlyReject(Buffer.from(utf16).swap16()), 'wrong_encoding -1')
  assert.equal(onlyReject(Buffer.from(utf16.subarray(2)).swap16()), 'wrong_encoding -1')
  assert.equal(onlyReject(Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 0x7b])), 'wrong_encoding -1')
  assert.equal(onlyReject(Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0])), 'wrong_encoding -1')
})

test('row 12: __proto__, constructor and prototype are names as any other', () => {
  const { event, metadata } = onlyLog(
    '{"__proto__":{"service":"evil","polluted":1},"constructor":{"prototype":{"polluted":1}},"in":{"__proto__":{"a":1}}}',
  )
  assert.equal(event.service, 'unknown')
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  assert.match(event.metadata ?? '', /"__proto__":\{"service":"evil"/)
  assert.match(event.metadata ?? '', /"in":\{"__proto__":\{"a":1\}\}/)
  assert.ok(Object.hasOwn(metadata ?? {}, 'constructor'))
})

test('row 13: of duplicate keys the last wins', () => {
  assert.equal(onlyLog('{"service":"a","service":"b"}').event.service, 'b')
})

test('row 14: latency takes a number or decimal text and nothing else', () => {
  const read = (json: string): unknown[] => {
    const { event, coerced } = onlyLog(field('latency_ms', json))
    return [event.latencyMs, coerced.includes('latency_ms')]
  }
  assert.deepEqual(read('12.7'), [12.7, false])
  assert.deepEqual(read('0'), [0, false])
  assert.deepEqual(read('0.0000005'), [0.0000005, false])
  assert.deepEqual(read('null'), [null, false])
  assert.deepEqual(read('"123"'), [123, true])
  assert.deepEqual(read('"1e3"'), [1000, true])
  for (const bad of ['"12ms"', '""', 'true', '[1]', '{}', '"0x10"', '"Infinity"', '"1_0"', `"${'1'.repeat(100)}"`]) {
    assert.deepEqual(read(bad), [null, true], bad)
  }
  assert.deepEqual(onlyLog(field('latency_ms', '"12ms"')).original, { latency_ms: '12ms' })
})

test('row 15: numbers that no column takes are clamped, dropped or kept as text', () => {
  assert.equal(onlyLog(field('latency_ms', '1e400')).event.latencyMs, null)
  assert.deepEqual(onlyLog(field('latency_ms', '1e400')).original, { latency_ms: '1e400' })
  assert.equal(onlyLog(field('latency_ms', '9007199254740993')).event.latencyMs, 2_147_483_647)
  assert.ok(Object.is(onlyLog(field('latency_ms', '-0')).event.latencyMs, 0))
  const { metadata, coerced } = onlyLog('{"a":1e400,"b":[9007199254740993],"c":{"d":-1e999},"e":1.5,"f":1e300}')
  assert.equal(metadata?.['a'], '1e400')
  assert.deepEqual(metadata?.['b'], ['9007199254740993'])
  assert.deepEqual(metadata?.['c'], { d: '-1e999' })
  assert.equal(metadata?.['e'], 1.5)
  assert.equal(metadata?.['f'], 1e300)
  assert.ok(coerced.includes('number_as_text'))
})

test('row 16: a negative latency is none, and is kept in the metadata', () => {
  const { event, coerced, original } = onlyLog(logJson({ latency_ms: -5 }))
  assert.equal(event.latencyMs, null)
  assert.deepEqual(coerced, ['latency_ms'])
  assert.deepEqual(original, { latency_ms: -5 })
})

test('row 17: epochs are read by their size, as numbers or text', () => {
  const read = (timestamp: unknown): number => onlyLog(logJson({ timestamp })).event.createdAt
  for (const epoch of [1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000, 1_700_000_000_000_000_000]) {
    assert.equal(read(epoch), 1_700_000_000_000)
    assert.equal(read(String(epoch)), 1_700_000_000_000)
  }
  assert.equal(read(1_700_000_000.123456), 1_700_000_000_123.456)
  assert.equal(read(1_700_000_000_123_456), 1_700_000_000_123.456)
})

test('row 18: timestamps are read strictly', () => {
  const good: [string, number, boolean][] = [
    ['2025-06-30T12:00:00Z', Date.UTC(2025, 5, 30, 12), false],
    ['2025-06-30 12:00:00.25+02:00', Date.UTC(2025, 5, 30, 10, 0, 0, 250), false],
    ['2025-06-30t12:00:00,5z', Date.UTC(2025, 5, 30, 12, 0, 0, 500), false],
    ['2025-06-30T12:00-0530', Date.UTC(2025, 5, 30, 17, 30), false],
    ['2025-06-30 12:00:00+00', Date.UTC(2025, 5, 30, 12), false],
    ['2025-06-30T12:00:00.123456789Z', Date.UTC(2025, 5, 30, 12) + 123.457, false],
    ['2025-06-30T12:00:00', Date.UTC(2025, 5, 30, 12), true],
    ['2025-06-30', Date.UTC(2025, 5, 30), true],
    ['2016-12-31T23:59:60Z', Date.UTC(2016, 11, 31, 23, 59, 59, 999), true],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29), false],
  ]
  for (const [timestamp, at, flagged] of good) {
    const { event, coerced } = onlyLog(logJson({ timestamp }))
    assert.deepEqual([event.createdAt, coerced.includes('timestamp')], [at, flagged], timestamp)
  }
  const bad = ['foo 1', '2024-02-30T00:00:00Z', '2023-02-29', '2024', '12/31/2024', '2025-06-30T24:00:00Z', 'now', '']
  for (const timestamp of [...bad, '2025-06-30T12:00:61Z', '2025-06-30T12:00:00 EST', '2025-06-30Z', {}, true, ['x']]) {
    const { event, coerced, original } = onlyLog(logJson({ timestamp }))
    assert.deepEqual([event.createdAt, coerced, original], [RECORD_TIME, ['timestamp'], { timestamp }], `${timestamp}`)
  }
})

test('row 19: impossible times give way to the record timestamp; old but sane ones stay', () => {
  const hour = 3_600_000
  const impossible = [
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '+275760-09-13T00:00:00Z',
    -5,
    0,
    '1970-01-01T00:00:00Z',
  ]
  for (const timestamp of [...impossible, RECORD_TIME + hour + 1]) {
    const { event, coerced, original } = onlyLog(logJson({ timestamp }))
    assert.deepEqual([event.createdAt, coerced, original], [RECORD_TIME, ['timestamp'], { timestamp }])
  }
  assert.equal(onlyLog(logJson({ timestamp: RECORD_TIME + hour })).event.createdAt, RECORD_TIME + hour)
  assert.equal(onlyLog(logJson({ timestamp: '2015-01-01T00:00:00Z' })).event.createdAt, Date.UTC(2015, 0, 1))
  const limits = { timestampMaxAgeDays: 400 }
  assert.equal(onlyLog(logJson({ timestamp: '2015-01-01T00:00:00Z' }), { limits }).event.createdAt, RECORD_TIME)
  const young = RECORD_TIME - 399 * 24 * hour
  assert.equal(onlyLog(logJson({ timestamp: young }), { limits }).event.createdAt, young)
})

test('[P29] row 20: a log without a timestamp has the time of its record, and that is no coercion', () => {
  const { event, metadata } = onlyLog(logJson({ timestamp: undefined }))
  assert.deepEqual([event.createdAt, metadata], [RECORD_TIME, null])
})

test('row 21: levels by every name; an unknown one is INFO and is kept', () => {
  const known: [unknown, string][] = [
    ['warning', 'WARN'],
    ['err', 'ERROR'],
    ['fatal', 'FATAL'],
    ['crit', 'FATAL'],
    ['emerg', 'FATAL'],
    ['notice', 'INFO'],
    ['trace', 'DEBUG'],
    ['verbose', 'DEBUG'],
    [' Error ', 'ERROR'],
    [30, 'INFO'],
    [40, 'WARN'],
    ['50', 'ERROR'],
  ]
  for (const [level, expected] of known) {
    const { event, metadata } = onlyLog(logJson({ level }))
    assert.deepEqual([event.level, metadata], [expected, null], `${level}`)
  }
  for (const level of [3, {}, [], true, 'loud', '', 35]) {
    const { event, original } = onlyLog(logJson({ level }))
    assert.deepEqual([event.level, original], ['INFO', { level }])
  }
  assert.deepEqual(onlyLog(logJson({ level: null })).coerced, ['level'])
  const long = onlyLog(logJson({ level: 'x'.repeat(10_000) }))
  assert.ok((long.event.metadata ?? '').length < 2000)
  const limits = { syslogLevels: true }
  assert.equal(onlyLog(logJson({ level: 3 }), { limits }).event.level, 'ERROR')
  assert.equal(onlyLog(logJson({ level: 7 }), { limits }).event.level, 'DEBUG')
})

test('row 22: service names are short, plain and never empty', () => {
  const read = (service: unknown): unknown[] => {
    const { event, coerced } = onlyLog(logJson({ service }))
    return [event.service, coerced.includes('service')]
  }
  assert.deepEqual(read('auth'), ['auth', false])
  assert.deepEqual(read(' auth\n'), ['auth', true])
  assert.deepEqual(read('a\u001b[31mb\u0000\u202e'), ['a[31mb', true])
  assert.deepEqual(read(7), ['7', true])
  for (const bad of [undefined, null, '', ' \t', {}, [], true]) assert.deepEqual(read(bad), ['unknown', true])
  assert.deepEqual(read('😀'.repeat(5000)), ['😀'.repeat(200), true])
})

test('row 23: every log keeps its true service name, however many there are', () => {
  const { events } = normalized(`[${Array.from({ length: 1000 }, (_, i) => logJson({ service: `s${i}` }))}]`)
  assert.equal(new Set(events.map(({ service }) => service)).size, 1000)
})

test('row 24: a huge message text is cut on a code point and says by how much', () => {
  const { event, coerced } = onlyLog(logJson({ message: `a${'😀'.repeat(50_000)}` }))
  assert.match(event.message, /^a(?:😀)+…\[\+\d+ bytes\]$/u)
  assert.ok(Buffer.byteLength(event.message) <= 65_536)
  const [, kept, gone] = /^(a.*)…\[\+(\d+) bytes\]$/u.exec(event.message) ?? []
  assert.equal(Buffer.byteLength(kept ?? '') + Number(gone), 200_001)
  assert.deepEqual(coerced, ['message'])
  assert.equal(onlyLog(logJson({ message: 'x'.repeat(65_536) })).metadata, null)
})

test('row 25: metadata above the limit is replaced by a marker', () => {
  for (const extra of [{ big: 'x'.repeat(900_000) }, { big: 'é'.repeat(40_000) }, { ['k'.repeat(70_000)]: 1 }]) {
    const { metadata } = onlyLog(logJson(extra))
    assert.deepEqual(metadata, { _truncated: { fields: 1, limit_bytes: 65_536 }, _coerced: ['metadata'] })
  }
  assert.equal(onlyLog(logJson({ ['k'.repeat(10_000)]: 1 })).coerced.length, 0)
})

test('rows 26 to 28: escapes, COPY markers, SQL and terminal codes in a message stay as they are', () => {
  const message = "\t\n\r\\ \\. \\N \\x00 \b\f\v '; DROP TABLE logs; -- \u001b[31m \u202e"
  const { event, metadata } = onlyLog(logJson({ message }))
  assert.deepEqual([event.message, metadata], [message, null])
})

test('row 29: compressed values are refused by their magic number', () => {
  const magics = ['1f8b08', '28b52ffd00', '04224d1840', '82534e41505059000000000100000001']
  for (const hex of magics) assert.equal(onlyReject(Buffer.from(hex, 'hex')), 'compressed -1')
})

test('row 30: schema registry framing is named as such; other binary formats are binary', () => {
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, 42]), Buffer.from(logJson())])
  assert.equal(onlyReject(framed), 'schema_registry_framing -1')
  assert.match(normalized(framed).rejects[0]?.detail ?? '', /schema id 42/)
  assert.equal(onlyReject(Buffer.from('82a7736572766963', 'hex')), 'binary -1')
  assert.equal(onlyReject(Buffer.from('0a0461757468', 'hex')), 'binary -1')
})

test('row 31: a log in a JSON string is read, unless that is switched off', () => {
  const { event, coerced } = onlyLog(JSON.stringify(logJson()))
  assert.deepEqual([event.service, coerced], ['auth', ['double_encoded']])
  assert.equal(onlyReject(JSON.stringify(logJson()), { limits: { unwrapStrings: false } }), 'not_an_object -1')
  assert.equal(onlyReject('"{nothing"'), 'not_an_object -1')
  assert.equal(onlyReject(JSON.stringify(JSON.stringify(logJson()))), 'not_an_object -1')
})

test('row 32: the first alias wins and the others stay in the metadata', () => {
  const { event, metadata } = onlyLog(
    '{"uid":7,"logger":"l","app":"a","severity":"warn","msg":"m","text":"t","durationMs":3,"@timestamp":1700000000}',
  )
  assert.deepEqual(
    [event.service, event.level, event.message, event.latencyMs, event.createdAt, event.userId],
    ['a', 'WARN', 'm', 3, 1_700_000_000_000, '7'],
  )
  assert.deepEqual(metadata, { logger: 'l', text: 't' })
  assert.equal(onlyLog('{"service":null,"app":"a"}').event.service, 'a')
})

test('row 33: extra fields go into the metadata', () => {
  const extra = { traceId: 't', nested: { a: [1, null, true, 'x'] }, none: null }
  assert.deepEqual(onlyLog(logJson(extra)).metadata, extra)
})

test('row 34: headers and key count towards the size limit and are not read', () => {
  const limits = { messageBytesMax: 1000 }
  assert.equal(onlyReject(logJson(), { limits, record: { headers: Buffer.alloc(1000, 0xff) } }), 'too_large -1')
  assert.equal(onlyReject(logJson(), { limits, record: { key: Buffer.alloc(1000, 0xff) } }), 'too_large -1')
  assert.equal(onlyLog(logJson(), { limits, record: { headers: Buffer.alloc(100, 0xff) } }).metadata, null)
})

test('row 35: without a believable record timestamp the processing time bounds the message, and stands in for it flagged', () => {
  const now = RECORD_TIME + 86_400_000
  for (const timestamp of [-1, 0, Date.UTC(9999, 0), now + 3_600_001]) {
    const record = JSON.parse(JSON.stringify({ timestamp }))
    const sent = onlyLog(logJson(), { record })
    assert.deepEqual([sent.event.recordTimestamp, sent.metadata], [null, null])
    assert.equal(sent.event.createdAt, Date.parse('2025-12-31T23:59:59.500Z'))
    const missing = onlyLog(logJson({ timestamp: undefined }), { record })
    assert.deepEqual([missing.event.createdAt, missing.coerced], [now, ['ts_source']])
  }
})

test('rows 36 to 40: a thousand identical messages are a thousand logs', () => {
  assert.equal(normalized(`[${new Array(1000).fill(logJson())}]`).events.length, 1000)
})

test('decision 18: a missing message is empty text and another type is its JSON text, both flagged', () => {
  assert.deepEqual(onlyLog(logJson({ message: undefined })).event.message, '')
  const { event, coerced } = onlyLog(logJson({ message: { a: [1, 'x'] } }))
  assert.deepEqual([event.message, coerced], ['{"a":[1,"x"]}', ['message']])
})

test('a user id may be a number of any size; other types are none', () => {
  assert.equal(onlyLog(field('userId', '12345678901234567890')).event.userId, '12345678901234567890')
  assert.deepEqual(onlyLog(logJson({ userId: { id: 1 } })).original, { userId: { id: 1 } })
  assert.equal(onlyLog(logJson({ userId: { id: 1 } })).event.userId, null)
})

test('a sender’s own _coerced field survives beside ours', () => {
  assert.deepEqual(onlyLog(logJson({ _coerced: 1 })).metadata, { _coerced: 1 })
  assert.deepEqual(onlyLog(logJson({ _coerced: 1, latency_ms: -1 })).metadata, {
    _coerced: ['latency_ms', '_coerced'],
    _original: { latency_ms: -1, _coerced: 1 },
  })
})
