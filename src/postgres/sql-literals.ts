import { storableText } from './binary-rows.ts'

/** The only ways in which a value gets into the text of a statement: hex, and whole numbers. */

export function hexText(value: string): string {
  return `convert_from('\\x${Buffer.from(storableText(value), 'utf8').toString('hex')}', 'UTF8')`
}

export function hexBytes(value: Uint8Array): string {
  return `'\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}'::bytea`
}

export function whole(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a whole number: ${value}`)
  return String(value)
}

/** null stands for SQL's. */
export function wholes(values: readonly (number | null)[], type: 'integer' | 'bigint'): string {
  return `'{${values.map((value) => (value === null ? 'NULL' : whole(value))).join(',')}}'::${type}[]`
}
