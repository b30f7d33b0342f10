/** Service names: they are indexed, printed on consoles and keys of the detector, so they are short, plain and never empty. */
import { firstCodePoints, storableText } from './text.ts'

const UNKNOWN_SERVICE = 'unknown'

/** C0, DEL, C1, line separators, and the marks that reorder text. */
const CONTROLS = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** What most names are: printable ASCII without blanks, which needs no further look. A loop is faster than a pattern here. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x21 || code > 0x7e) return false
  }
  return text !== ''
}

/** What to store for what was sent; the same string exactly when nothing had to be changed. */
export function readService(sent: unknown, lengthMax: number): string {
  if (typeof sent === 'number' && Number.isFinite(sent)) return String(sent)
  if (typeof sent !== 'string') return UNKNOWN_SERVICE
  return shortText(sent, lengthMax) || UNKNOWN_SERVICE
}

/** Without controls and surrounding blanks, at most so many code points. */
export function shortText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax && isPlain(text)) return text
  return firstCodePoints(storableText(text.replace(CONTROLS, '')).trim(), lengthMax).trim()
}
