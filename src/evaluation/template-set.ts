/**
 * The template miner alone on messages whose kind is known (LogHub's `..._structured.csv`). Grouping accuracy: the share of messages
 * whose group, as mined on the way, holds exactly the messages of their kind (Zhu et al. 2019).
 */
import { TemplateMiner } from '../anomaly/template-miner.ts'
import { ProcessorError } from '../errors.ts'
import { recordsOf } from './csv.ts'
import type { TemplatesResult } from './set-result.ts'

export async function measureTemplates(name: string, file: string): Promise<TemplatesResult> {
  const messages: string[] = []
  const kinds: string[] = []
  let places: { message: number; kind: number } | null = null
  for await (const { columns, fields } of recordsOf(file, ['Content', 'EventId'])) {
    places ??= { message: columns.indexOf('Content'), kind: columns.indexOf('EventId') }
    messages.push(fields[places.message] ?? '')
    kinds.push(fields[places.kind] ?? '')
  }
  if (messages.length === 0) throw new ProcessorError('INPUT', `${file} holds no messages`)
  const miner = new TemplateMiner()
  const mined = messages.map((message) => miner.idOf(message))
  return {
    name,
    task: 'templates',
    grouping_accuracy: groupingAccuracy(mined, kinds),
    messages: messages.length,
    templates: new Set(mined).size,
    reference: { templates: new Set(kinds).size },
  }
}

/** Of two lists of the same length; NaN for empty ones. */
export function groupingAccuracy(found: readonly unknown[], known: readonly unknown[]): number {
  const sizes = new Map<unknown, number>()
  for (const kind of known) sizes.set(kind, (sizes.get(kind) ?? 0) + 1)
  let right = 0
  for (const places of Map.groupBy(found.keys(), (i) => found[i]).values()) {
    const kinds = new Set(places.map((i) => known[i]))
    const [kind] = kinds
    if (kinds.size === 1 && sizes.get(kind) === places.length) right += places.length
  }
  return right / found.length
}
