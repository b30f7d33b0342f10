/** Columns as wide as their widest cell. */
export function writeTable(write: (text: string) => void, rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    write(`${line.trimEnd()}\n`)
  }
}
