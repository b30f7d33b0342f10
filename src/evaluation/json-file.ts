/** JSON that comes with a labelled set, checked before anyone believes it. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { messageOf, ProcessorError } from '../errors.ts'

/** Throws INPUT with the file's name. */
export function readJsonFile<T>(file: string, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ProcessorError('INPUT', `${file}: ${messageOf(error)}`, { cause: error })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ProcessorError('INPUT', `${file}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not as expected'}`)
}
