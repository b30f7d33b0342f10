/** What one record's value turns out to hold, from the outside in: size, encoding, depth, JSON. Never throws, whatever the bytes. */
import { isUtf8 } from 'node:buffer'
import type { RawRecord, RejectReason, SkipReason } from '../log.ts'
import { recordBytes } from '../packed-records.ts'
import { isBinary, recognizeEncoding } from './encoding.ts'
import { isDeeperThan } from './json-depth.ts'
import type { NormalizeLimits } from './limits.ts'

/** `notes` are to be listed in `_coerced` of every log of the message. */
export type Message =
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  | { readonly kind: 'refused'; readonly reason: RejectReason; readonly detail: string }
  | { readonly kind: 'plaintext'; readonly text: string; readonly notes: readonly string[] }
  /** One log, or an array of what should be logs; `text` is the JSON they were read from. */
  | { readonly kind: 'logs'; readonly logs: object; readonly text: string; readonly notes: readonly string[] }

const NO_NOTES: readonly string[] = []
const EMPTY: Message = { kind: 'skip', reason: 'empty' }

export function openMessage(record: RawRecord, limits: NormalizeLimits): Message {
  const value = record.value
  if (value === null) return { kind: 'skip', reason: 'tombstone' }
  if (value.length === 0) return EMPTY
  const size = recordBytes(record)
  if (size > limits.messageBytesMax) {
    return refused('too_large', `${size} bytes; at most ${limits.messageBytesMax} are read`)
  }
  const encoding = recognizeEncoding(value)
  if (encoding.kind === 'refused') return encoding
  const bytes = encoding.start === 0 ? value : value.subarray(encoding.start)
  if (bytes.length === 0) return EMPTY
  if (isDeeperThan(bytes, limits.depthMax)) return tooDeep(limits)
  const text = bytes.toString()
  const validUtf8 = !text.includes('\uFFFD') || isUtf8(bytes)
  const notes = validUtf8 ? NO_NOTES : ['invalid_utf8']
  const parsed = parse(text)
  if (parsed !== undefined) return ofJson(parsed, { text, notes, limits })
  if (isBinary(bytes, validUtf8)) return refused('binary', 'The value is binary data of an unknown format')
  if (limits.plaintext === 'message' && !/^\s*[{[]/.test(text)) return plaintext(text, notes)
  return refused('bad_json', 'The value is not JSON')
}

function ofJson(
  parsed: unknown,
  from: { readonly text: string; readonly notes: readonly string[]; readonly limits: NormalizeLimits },
): Message {
  const { text, notes, limits } = from
  if (Array.isArray(parsed)) {
    if (parsed.length === 0) return EMPTY
    if (parsed.length > limits.itemsMax) {
      return refused('too_many_items', `${parsed.length} logs; at most ${limits.itemsMax} are read`)
    }
    return { kind: 'logs', logs: parsed, text, notes }
  }
  if (typeof parsed === 'object' && parsed !== null) return { kind: 'logs', logs: parsed, text, notes }
  if (typeof parsed === 'string' && limits.unwrapStrings && parsed.startsWith('{')) {
    if (isDeeperThan(Buffer.from(parsed), limits.depthMax)) return tooDeep(limits)
    const inner = parse(parsed)
    if (typeof inner === 'object' && inner !== null) {
      return { kind: 'logs', logs: inner, text: parsed, notes: [...notes, 'double_encoded'] }
    }
  }
  if (limits.plaintext === 'message') return plaintext(typeof parsed === 'string' ? parsed : text, notes)
  return refused('not_an_object', `The value is ${nameOfType(parsed)}, not a JSON object`)
}

/** For the details of dead letters: the kind of a JSON value, never the value. */
export function nameOfType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

/** undefined, which JSON cannot say: not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function plaintext(text: string, notes: readonly string[]): Message {
  return { kind: 'plaintext', text, notes: [...notes, 'plaintext'] }
}

function tooDeep(limits: NormalizeLimits): Message {
  return refused('too_deep', `Nested deeper than ${limits.depthMax} levels`)
}

function refused(reason: RejectReason, detail: string): Message {
  return { kind: 'refused', reason, detail }
}
