/** Text that PostgreSQL takes: well-formed UTF-16 without NUL, of bounded size. */

/** Lone surrogates and NUL become U+FFFD. Returns the same string where there is nothing to change. */
export function storableText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed
}

/** Room for the longest cut mark. */
const MARK_BYTES = 32

/** At most `bytesMax` bytes of UTF-8 (not below 64): cut between code points, with `…[+n bytes]` for what is gone. */
export function cutText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= bytesMax) return text
  let end = bytesMax - MARK_BYTES
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.toString('utf8', 0, end)}…[+${bytes.length - end} bytes]`
}

/** The first `count` code points. */
export function firstCodePoints(text: string, count: number): string {
  if (text.length <= count) return text
  let units = 0
  for (let taken = 0; taken < count && units < text.length; taken++) {
    units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1
  }
  return text.slice(0, units)
}
