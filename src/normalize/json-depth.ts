/**
 * How deep objects and arrays nest, from the bytes and before parsing: JSON.parse takes five million levels and 2.3 s for them,
 * and whatever walks the result later dies. Exact for well-formed JSON in UTF-8; any answer will do for the rest, which no parser takes.
 */
export function isDeeperThan(bytes: Buffer, depthMax: number): boolean {
  if (!hasMoreOpenings(bytes, depthMax)) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x7b || byte === 0x5b) {
      depth++
      if (depth > depthMax) return true
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return false
}

/** Most messages have a handful of brackets, and Buffer.indexOf finds them many times faster than the scan. */
function hasMoreOpenings(bytes: Buffer, count: number): boolean {
  let found = 0
  for (const opening of [0x7b, 0x5b]) {
    for (let at = bytes.indexOf(opening); at !== -1; at = bytes.indexOf(opening, at + 1)) {
      if (++found > count) return true
    }
  }
  return false
}
