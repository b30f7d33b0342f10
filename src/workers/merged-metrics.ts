/** One Prometheus page out of the workers' pages: each family once, each sample with the label `worker`. */

interface Family {
  readonly head: string[]
  readonly samples: string[]
}

const COMMENT = /^# (?:HELP|TYPE) (\S+)/

/**
 * Pages in the text format, version 0.0.4, by the value of the label. Nothing is added up: a sum over workers would fall back
 * when one restarts, and be taken for a reset of all. `sum without (worker)` is the reader's.
 */
export function mergedMetrics(pages: ReadonlyMap<string, string>): string {
  const families = new Map<string, Family>()
  for (const [worker, page] of pages) addPage(families, worker, page)
  let text = ''
  for (const { head, samples } of families.values()) text += `${[...head, ...samples].join('\n')}\n`
  return text
}

function addPage(families: Map<string, Family>, worker: string, page: string): void {
  let family: Family | undefined
  let isNew = false
  for (const line of page.split('\n')) {
    const name = COMMENT.exec(line)?.[1]
    if (name !== undefined) {
      isNew = !families.has(name) || (isNew && families.get(name) === family)
      family = families.get(name) ?? { head: [], samples: [] }
      families.set(name, family)
      if (isNew) family.head.push(line)
    } else if (line !== '' && !line.startsWith('#')) family?.samples.push(labelled(line, worker))
  }
}

function labelled(sample: string, worker: string): string {
  const end = sample.search(/[{ ]/)
  const name = sample.slice(0, end)
  const rest = sample.slice(end)
  if (rest.startsWith('{}')) return `${name}{worker="${worker}"}${rest.slice(2)}`
  return rest.startsWith('{') ? `${name}{worker="${worker}",${rest.slice(1)}` : `${name}{worker="${worker}"}${rest}`
}
