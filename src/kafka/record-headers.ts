/** The header section of a record, decoded for dead letters only. */

/** At most this many headers are shown; Kafka itself sets no limit. */
const HEADERS_MAX = 1000

/**
 *   section => count:varint (key_length:varint key value_length:varint value)*         zigzag varints
 *
 * [key, value in base64 or null] pairs in their order, repeated keys included. Never throws: a section that can't be read
 * gives the headers before the fault.
 */
export function decodeHeaders(section: Buffer | null): [key: string, value: string | null][] {
  const headers: [string, string | null][] = []
  if (section === null) return headers
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 35 && at < section.length; shift += 7) {
      const byte = section[at++] ?? 0
      value |= (byte & 0x7f) << shift
      if (byte < 128) return (value >>> 1) ^ -(value & 1)
    }
    return Number.NaN
  }
  const bytes = (length: number): Buffer | null => {
    if (!(length >= 0 && at + length <= section.length)) return null
    at += length
    return section.subarray(at - length, at)
  }
  const count = varint()
  for (let index = 0; index < count && index < HEADERS_MAX; index++) {
    const key = bytes(varint())
    if (key === null) break
    const length = varint()
    const value = length === -1 ? null : bytes(length)
    if (value === null && length !== -1) break
    headers.push([key.toString('utf8'), value === null ? null : value.toString('base64')])
  }
  return headers
}
