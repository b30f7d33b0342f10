/**
 * The metadata column of one log: every field that has no column, then what was changed.
 *
 *   { "orderId": 7, ..., "_coerced": ["latency_ms"], "_original": {"latency_ms": -5} }
 *
 * Larger than the limit, the fields are replaced by `"_truncated": {"fields": n, "limit_bytes": m}`.
 */
import type { Fields } from './aliases.ts'
import type { Coercions } from './coercions.ts'
import { JsonText } from './json-text.ts'

/** null for a log that is clean and has only known fields. */
export function metadataOf(fields: Fields, coercions: Coercions, bytesMax: number): string | null {
  const extras = fields.extras
  if (extras.length === 0 && coercions.names.length === 0) return null
  let fieldsText = membersOf(extras.filter(isNotOurs), coercions, bytesMax)
  const reserved = extras.filter((extra) => !isNotOurs(extra))
  if (reserved.length > 0) {
    if (coercions.names.length === 0) fieldsText = membersOf(extras, coercions, bytesMax)
    else for (const [name, value] of reserved) coercions.keep(name, value)
  }
  const whole = withCoercions(fieldsText, coercions)
  if (fieldsText.length <= bytesMax && Buffer.byteLength(whole) <= bytesMax) return whole
  coercions.note('metadata')
  return withCoercions(`"_truncated":{"fields":${fields.extraCount},"limit_bytes":${bytesMax}}`, coercions)
}

function isNotOurs([name]: [string, unknown]): boolean {
  return name !== '_coerced' && name !== '_original'
}

function membersOf(pairs: readonly [string, unknown][], coercions: Coercions, lengthMax: number): string {
  const json = new JsonText(lengthMax, coercions)
  for (let i = 0; i < pairs.length && !json.full; i++) {
    const pair = pairs[i]
    if (pair !== undefined) json.member(pair[0], pair[1], i === 0)
  }
  return json.text
}

function withCoercions(fieldsText: string, coercions: Coercions): string {
  const { names, originals } = coercions
  if (names.length === 0) return `{${fieldsText}}`
  const originalsText = membersOf(originals, coercions, Number.POSITIVE_INFINITY)
  const parts = fieldsText === '' ? [] : [fieldsText]
  parts.push(`"_coerced":${JSON.stringify(names)}`)
  if (originals.length > 0) parts.push(`"_original":{${originalsText}}`)
  return `{${parts.join(',')}}`
}
