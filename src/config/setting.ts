/** What a setting is, and the kinds that most of them are. */
import { z } from 'zod'

export interface Setting {
  /** Parses the text of the environment. */
  readonly schema: z.ZodType
  /** As it would be written; undefined: unset. */
  readonly default: string | undefined
  readonly expected: string
  readonly about: string
  readonly secret?: boolean
}

export const text = z.string().trim().min(1)
export const integer = (min: number, max: number): z.ZodType<number> =>
  z
    .string()
    .trim()
    .regex(/^-?\d+$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
export const boolean = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1')

export function number(range: { min: number; max: number; default: number }, about: string): Setting {
  return {
    schema: integer(range.min, range.max),
    default: String(range.default),
    expected: `a whole number from ${range.min} to ${range.max}`,
    about,
  }
}
export function word(fallback: string | undefined, about: string, secret = false): Setting {
  // A blank may belong to a password.
  const schema = secret ? z.string().min(1) : text
  return { schema, default: fallback, expected: 'a text that is not empty', about, secret }
}
export function choice(of: readonly [string, ...string[]], fallback: string | undefined, about: string): Setting {
  return { schema: z.enum(of), default: fallback, expected: `one of ${of.join(', ')}`, about }
}
