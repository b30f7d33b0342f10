/** A file of JSON lines beside a file of labels, one label a line in the same order; either may be gzipped. */
import { ProcessorError } from '../errors.ts'
import { linesOf } from '../lines.ts'
import { recordsOf } from './csv.ts'

export interface LabelledLine {
  /** JSON, as it would come from Kafka. */
  readonly line: Buffer
  /** Fields of the label, in the order of the columns asked for. */
  readonly label: readonly string[]
}

/** Throws INPUT where a file is missing, lacks a column, or the two are not equally long. */
export async function* labelledLines(
  logs: string,
  labels: string,
  columns: readonly string[],
): AsyncGenerator<LabelledLine> {
  const records = recordsOf(labels, columns)
  let places: number[] | null = null
  let count = 0
  for await (const line of linesOf(logs)) {
    const next = await records.next()
    if (next.done === true) throw new ProcessorError('INPUT', `${labels} ends after ${count} labels, before ${logs}`)
    const { columns: all, fields } = next.value
    places ??= columns.map((name) => all.indexOf(name))
    yield { line, label: places.map((at) => fields[at] ?? '') }
    count++
  }
  if ((await records.next()).done !== true) {
    throw new ProcessorError('INPUT', `${logs} ends after ${count} logs, before ${labels}`)
  }
}
