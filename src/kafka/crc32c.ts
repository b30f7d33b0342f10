/**
 * CRC32C (Castagnoli), the checksum of record batches and of the ledger's tail. Sixteen bytes a step through sixteen tables.
 * Chosen over the client library's WebAssembly one, which copies its input and can't go on from an earlier checksum.
 */
const POLYNOMIAL = 0x82f63b78
const TABLES = /* @__PURE__ */ buildTables()

/** The checksum of `bytes[start, end)`, an unsigned 32-bit number; `previous` goes on from an earlier piece's checksum. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  const t = TABLES
  let crc = ~previous
  let at = start
  for (const last = end - 16; at <= last; at += 16) {
    crc =
      t[3840 + ((bytes[at]! ^ crc) & 0xff)]! ^
      t[3584 + ((bytes[at + 1]! ^ (crc >>> 8)) & 0xff)]! ^
      t[3328 + ((bytes[at + 2]! ^ (crc >>> 16)) & 0xff)]! ^
      t[3072 + (bytes[at + 3]! ^ (crc >>> 24))]! ^
      t[2816 + bytes[at + 4]!]! ^
      t[2560 + bytes[at + 5]!]! ^
      t[2304 + bytes[at + 6]!]! ^
      t[2048 + bytes[at + 7]!]! ^
      t[1792 + bytes[at + 8]!]! ^
      t[1536 + bytes[at + 9]!]! ^
      t[1280 + bytes[at + 10]!]! ^
      t[1024 + bytes[at + 11]!]! ^
      t[768 + bytes[at + 12]!]! ^
      t[512 + bytes[at + 13]!]! ^
      t[256 + bytes[at + 14]!]! ^
      t[bytes[at + 15]!]!
  }
  for (; at < end; at++) crc = t[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Table n, at n * 256, carries a byte n bytes further. */
function buildTables(): Int32Array {
  const tables = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!
  }
  return tables
}
