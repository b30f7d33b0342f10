/** Numbers on the command line, each refused with what was expected. */
import { InvalidArgumentError } from '@commander-js/extra-typings'

export function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number')
  return value
}

export function positive(text: string): number {
  if (whole(text) === 0) throw new InvalidArgumentError('expected a whole number above 0')
  return whole(text)
}

export function minutes(text: string): number {
  const value = Number(text)
  if (!(value >= 0.5 && value <= 10_000)) throw new InvalidArgumentError('expected minutes, at least 0.5')
  return value
}
