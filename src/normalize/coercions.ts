/** What had to be changed to make a row of one log: the names for `_coerced`, and the values as they were sent. */
import { cutText } from './text.ts'

const ORIGINAL_BYTES_MAX = 1024

export class Coercions {
  readonly names: string[] = []
  /** Name and JSON-ready value. */
  readonly originals: [string, unknown][] = []
  /** A number was met that a double cannot hold; reading the text again with such numbers as text keeps it. */
  inexactNumber = false

  note(name: string): void {
    if (!this.names.includes(name)) this.names.push(name)
  }

  /** Also keeps the value; a long one as the beginning of its JSON text. */
  keep(name: string, original: unknown): void {
    this.note(name)
    if (original === undefined) return
    this.originals.push([name, bounded(original)])
  }

  clear(): void {
    // Setting a length costs more than looking at it.
    if (this.names.length > 0) this.names.length = 0
    if (this.originals.length > 0) this.originals.length = 0
    this.inexactNumber = false
  }
}

function bounded(original: unknown): unknown {
  if (typeof original === 'string') return cutText(original, ORIGINAL_BYTES_MAX)
  if (typeof original === 'number') return Number.isFinite(original) ? original : String(original)
  if (typeof original !== 'object' || original === null) return original
  const text = JSON.stringify(original)
  return text.length <= ORIGINAL_BYTES_MAX ? original : cutText(text, ORIGINAL_BYTES_MAX)
}
