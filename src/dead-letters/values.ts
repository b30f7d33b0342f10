/** The bytes of dead letters: whole ones, also where only the first were kept, and edited ones out of a file. */
import { createHash } from 'node:crypto'
import { ProcessorError } from '../errors.ts'
import type { RawRecord } from '../log.ts'

/** What stands in for a letter's value; for an element of an array, for that element. */
export interface Edited {
  readonly value: Buffer
}

interface StoredValue {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly value: Buffer | null
  /** null: the record had no value. */
  readonly valueSize: number | null
  /** Hex. */
  readonly valueSha256: string | null
}

/**
 * The whole value: as stored, or read again from Kafka, where a record at the same position with the same hash is the same.
 * null where neither has it.
 */
export async function wholeValue(
  letter: StoredValue,
  lookup: { read(topic: string, partition: number, offset: number): Promise<RawRecord | null> },
): Promise<Buffer | null> {
  const { topic, partition, offset, value, valueSize, valueSha256 } = letter
  if (value !== null && value.length === valueSize) return value
  if (valueSize === null || valueSha256 === null) return null
  const found = (await lookup.read(topic, partition, offset))?.value
  if (found === undefined || found === null || found.length !== valueSize) return null
  return createHash('sha256').update(found).digest('hex') === valueSha256 ? found : null
}

/** The text of one element, as an editor should see it; null where the value is no JSON that has it. */
export function elementOf(value: Buffer, item: number): string | null {
  try {
    const parsed: unknown = JSON.parse(value.toString('utf8'))
    const element: unknown = Array.isArray(parsed) ? parsed[item] : item === 0 ? parsed : undefined
    return element === undefined ? null : JSON.stringify(element)
  } catch {
    return null
  }
}

/** One line as `export` writes it: its position, and what stands in for the value. Throws INPUT, naming `place` of the line. */
export function editedOf(line: string, place: string): { readonly position: string; readonly edited: Edited } {
  const wrong = (what: string, cause?: unknown): ProcessorError => {
    const expected = 'expected lines as dead-letters export writes them, with position and value'
    return new ProcessorError('INPUT', `${place}: ${what}; ${expected}`, { cause })
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch (error) {
    throw wrong('not JSON', error)
  }
  if (typeof parsed !== 'object' || parsed === null) throw wrong('not an object')
  const field = (name: string): string | undefined => {
    const value: unknown = Reflect.get(parsed, name)
    return typeof value === 'string' ? value : undefined
  }
  const position = field('position')
  if (position === undefined) throw wrong('no position')
  const isElement = position.split('/').length === 4
  const text = isElement ? field('element') : field('value')
  if (text !== undefined) return { position, edited: { value: Buffer.from(text) } }
  const base64 = field('value_base64')
  if (base64 === undefined || isElement) throw wrong(`${position} without ${isElement ? 'element' : 'value'}`)
  return { position, edited: { value: Buffer.from(base64, 'base64') } }
}
