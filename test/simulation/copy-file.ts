/** COPY's binary format, read back: the other side of src/postgres/binary-rows.ts, written apart from it. */

const HEADER_BYTES = 19

/** Fields of every row, null where the column is. Throws where the file is not what PostgreSQL would take. */
export function readCopyFile(file: Buffer): (Buffer | null)[][] {
  if (file.toString('latin1', 0, 11) !== 'PGCOPY\n\xff\r\n\0') throw new Error('not a COPY file')
  const rows: (Buffer | null)[][] = []
  let at = HEADER_BYTES
  for (;;) {
    const fields = file.readInt16BE(at)
    at += 2
    if (fields === -1) break
    const row: (Buffer | null)[] = []
    for (let i = 0; i < fields; i++) {
      const length = file.readInt32BE(at)
      at += 4
      if (length === -1) {
        row.push(null)
        continue
      }
      row.push(file.subarray(at, at + length))
      at += length
    }
    rows.push(row)
  }
  if (at !== file.length) throw new Error('bytes behind the end of a COPY file')
  return rows
}
