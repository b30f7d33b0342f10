/**
 * What kind of message is this? Tokens are parted by blanks and punctuation; a token with a digit in it is a variable.
 *
 *   "Slow query on orders took 812 ms"  ->  "Slow query on orders took * ms"
 */
const LENGTH_MAX = 512
const PARTING = new Uint8Array(128)
for (const character of ' \t\n\r=:,;/()[]{}"\'<>|&?') PARTING[character.charCodeAt(0)] = 1

/** A 32-bit id of the message's template (FNV-1a over its tokens). */
export function templateId(message: string): number {
  const length = Math.min(message.length, LENGTH_MAX)
  let id = 0x811c9dc5
  let token = 0x811c9dc5
  let digits = false
  for (let i = 0; i < length; i++) {
    const code = message.charCodeAt(i)
    if (code < 128 && PARTING[code] === 1) {
      id = Math.imul(id ^ (digits ? 42 : token), 0x01000193)
      id = Math.imul(id ^ code, 0x01000193)
      token = 0x811c9dc5
      digits = false
    } else {
      token = Math.imul(token ^ code, 0x01000193)
      if (code >= 48 && code <= 57) digits = true
    }
  }
  return Math.imul(id ^ (digits ? 42 : token), 0x01000193)
}

/** The template as people read it, cut; without what a jsonb column refuses: NUL, halves of surrogate pairs. */
export function templateText(message: string, lengthMax: number): string {
  const text = message
    .slice(0, LENGTH_MAX)
    .replace(/[^\s=:,;/()[\]{}"'<>|&?]+/g, (token) => (/\d/.test(token) ? '*' : token))
  const cut = text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`
  return cut.toWellFormed().replace(/\p{Cc}/gu, ' ')
}
