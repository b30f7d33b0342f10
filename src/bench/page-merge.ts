/** A page of figures of which only some were measured again: their sections and goals replace the old ones, the rest stays as it was. */
import { type WorldNames, worldLines } from './page.ts'

interface PageParts {
  readonly head: string
  /** In the page's order. */
  readonly sections: ReadonlyMap<string, string>
}

const GOALS = 'Goals'
/** Its figures say how many rounds and rows they are of, and that stands in the head. */
const HEADED = 'Parts'

function partsOf(page: string): PageParts {
  const [head = '', ...rest] = page.split(/^## /m)
  const sections = new Map<string, string>()
  for (const section of rest) {
    const end = section.indexOf('\n')
    sections.set(section.slice(0, end), section.slice(end).trim())
  }
  return { head, sections }
}

/** Figures of two machines or versions do not belong on one page. */
export function sameWorld(page: string, world: WorldNames): boolean {
  return worldLines(world).every((line) => page.split('\n').includes(line))
}

/** `fresh` holds what was measured now. */
export function mergedPage(old: string, fresh: string): string {
  const [before, now] = [partsOf(old), partsOf(fresh)]
  const sections = new Map([...before.sections, ...now.sections])
  const goals = [before, now].map(({ sections: each }) => each.get(GOALS) ?? '')
  const merged = mergedRows(goals[0] ?? '', goals[1] ?? '')
  if (merged !== '') sections.set(GOALS, merged)
  const { head } = now.sections.has(HEADED) ? now : before
  const texts = [...sections].map(([title, text]) => `## ${title}\n\n${text}\n`)
  return `${head}${texts.join('\n')}`
}

/** Rows of Markdown tables by their first cell. */
function mergedRows(old: string, fresh: string): string {
  const rowsOf = (table: string): [name: string, row: string][] =>
    table.split('\n').flatMap((row) => (row.startsWith('|') ? [[row.split('|')[1] ?? '', row]] : []))
  return [...new Map([...rowsOf(old), ...rowsOf(fresh)]).values()].join('\n')
}
