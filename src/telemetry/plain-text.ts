/** What may stand in a log line: one line, no control, bidirectional or other invisible characters, no secrets, an end. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const CREDENTIALS = /\/\/[^\s/@]*:[^\s@]*@/g

/** A value that came from outside (a service's name, a broker's sentence), fit for a terminal; at most `max` characters. */
export function plainText(value: string, max = 200): string {
  const plain = value
    .slice(0, max * 4)
    .replace(UNPRINTABLE, '')
    .replace(CREDENTIALS, '//***@')
  if (plain.length <= max) return plain
  return `${plain.slice(0, max).replace(/[\uD800-\uDBFF]$/, '')}…`
}
