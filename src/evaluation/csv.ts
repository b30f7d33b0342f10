/** Comma-separated values as RFC 4180 has them: quoted fields may hold commas, doubled quotes and line ends. Files may be gzipped. */

import { ProcessorError } from '../errors.ts'
import { linesOf } from '../lines.ts'

/** The fields of one record; a quote that never closes takes the rest of the line. */
export function fieldsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',')
  const fields: string[] = []
  for (let at = 0; at <= line.length; ) {
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at)
      const end = comma < 0 ? line.length : comma
      fields.push(line.slice(at, end))
      at = end + 1
      continue
    }
    let field = ''
    let from = at + 1
    for (;;) {
      const quote = line.indexOf('"', from)
      field += line.slice(from, quote < 0 ? line.length : quote)
      if (quote < 0 || line[quote + 1] !== '"') {
        at = quote < 0 ? line.length + 1 : quote + 2
        break
      }
      field += '"'
      from = quote + 2
    }
    fields.push(field)
  }
  return fields
}

function closed(line: string): boolean {
  let quotes = 0
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) quotes++
  return quotes % 2 === 0
}

/** Every record but the first, which names the columns. Throws INPUT where a column of `needed` is missing. */
export async function* recordsOf(
  file: string,
  needed: readonly string[],
): AsyncGenerator<{ readonly columns: readonly string[]; readonly fields: readonly string[] }> {
  let columns: string[] | null = null
  let open = ''
  for await (const bytes of linesOf(file)) {
    const line = open === '' ? bytes.toString('utf8') : `${open}\n${bytes.toString('utf8')}`
    open = closed(line) ? '' : line
    if (open !== '') continue
    if (columns !== null) {
      yield { columns, fields: fieldsOf(line) }
      continue
    }
    columns = fieldsOf(line.replace(/^\uFEFF/, ''))
    const missing = needed.filter((name) => columns?.includes(name) !== true)
    if (missing.length > 0) throw new ProcessorError('INPUT', `${file}: there is no column ${missing.join(', ')}`)
  }
}
