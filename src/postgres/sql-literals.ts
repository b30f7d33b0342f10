import { storableText } from './binary-rows.ts'

/** The only ways in which a value gets into the text of a statement: hex, and whole numbers. */

export function hexText(value: string): string {
  return `convert_from('\\x${Buffer.from(storableText(value), 'utf8').toString('hex')}', 'UTF8')`
}

export function whole(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a whole number: ${value}`)
  return String(value)
}

/** An array literal of what `of` finds in each; null stands for SQL's. */
export function wholes<T>(each: readonly T[], of: (one: T) => number | null, type: 'integer' | 'bigint'): string {
  let elements = ''
  for (const one of each) {
    const value = of(one)
    elements += `${elements === '' ? '' : ','}${value === null ? 'NULL' : whole(value)}`
  }
  return `'{${elements}}'::${type}[]`
}

/** An array literal of the UTF-8 bytes of what `of` finds in each; `convert_from(element, 'UTF8')` is the text again. */
export function hexBytes<T>(each: readonly T[], of: (one: T) => string): string {
  let elements = ''
  for (const one of each) {
    const hex = Buffer.from(storableText(of(one)), 'utf8').toString('hex')
    elements += `${elements === '' ? '' : ','}"\\\\x${hex}"`
  }
  return `'{${elements}}'::bytea[]`
}

/** A time as timestamptz, in milliseconds since 1970, to the microsecond. */
export function instant(ms: number): string {
  if (!Number.isFinite(ms)) throw new RangeError(`not a time: ${ms}`)
  return `'epoch'::timestamptz + ${whole(Math.round(ms * 1000))} * interval '1 microsecond'`
}

/** A number as double precision; null where it is none. */
export function finiteNumber(value: number): string {
  return Number.isFinite(value) ? `'${value}'::float8` : 'null::float8'
}
