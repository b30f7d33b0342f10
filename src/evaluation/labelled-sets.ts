/**
 * Which labelled sets does a folder hold? Recognised by what lies in them, not by their names, so that the folder of one set, of
 * several, or of everything can be given.
 *
 *   *.csv(.gz) with a column `label`                  a table of numbers for the forest (ADBench)
 *   logs.jsonl, labels.csv, incidents.json, meta.json a replay with incidents
 *   gen_replay.py                                     the generator of such replays, one a seed
 *   logs.jsonl, labels.csv with a phase, faults.json  requests during injected faults
 *   data/, combined_windows.json                      scalar series (NAB)
 *   *_structured.csv with Content and EventId         messages of known kinds (LogHub)
 */
import { readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { messageOf, ProcessorError } from '../errors.ts'
import { recordsOf } from './csv.ts'
import { INCIDENT_FILES } from './incident-set.ts'
import { windowsFile } from './metric-set.ts'
import { fileOf } from './request-set.ts'

/** Something to measure, as it is handed to a thread. */
export type SetTask =
  | { readonly kind: 'forest'; readonly name: string; readonly file: string }
  | { readonly kind: 'incidents'; readonly name: string; readonly folder: string }
  | { readonly kind: 'generated'; readonly name: string; readonly generator: string; readonly seed: number }
  | { readonly kind: 'metrics'; readonly name: string; readonly folder: string }
  | { readonly kind: 'templates'; readonly name: string; readonly file: string }
  | { readonly kind: 'requests'; readonly name: string; readonly folder: string }

const GENERATOR = 'gen_replay.py'
const DEPTH_MAX = 3

/** In the order of their names. Throws INPUT where the folder can't be read or holds no set. */
export async function findLabelledSets(folder: string, seeds: readonly number[]): Promise<SetTask[]> {
  const root = resolve(folder)
  const tasks = await setsIn(root, { name: basename(root), depth: 0, seeds })
  if (tasks.length > 0) return tasks
  throw new ProcessorError('INPUT', `${folder} holds no labelled set; docs/anomaly-detection.md says which are known`)
}

interface Place {
  readonly name: string
  readonly depth: number
  readonly seeds: readonly number[]
}

async function setsIn(folder: string, place: Place): Promise<SetTask[]> {
  const entries = listed(folder)
  const own = await ownSets(folder, place, entries)
  if (own.length > 0 || place.depth === DEPTH_MAX) return own
  const tasks: SetTask[] = []
  for (const entry of entries) {
    const path = join(folder, entry)
    if (entry.startsWith('.') || !statSync(path).isDirectory()) continue
    // The folder given by the user is not part of a name, unless it is the set itself.
    const name = place.depth === 0 ? entry : `${place.name}/${entry}`
    tasks.push(...(await setsIn(path, { ...place, name, depth: place.depth + 1 })))
  }
  return tasks
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort(naturally)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'not a folder' : messageOf(error)
    throw new ProcessorError('INPUT', `${folder}: ${what}`, { cause: error })
  }
}

/** 2 before 10. */
function naturally(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

async function ownSets(folder: string, { name, seeds }: Place, entries: readonly string[]): Promise<SetTask[]> {
  if (INCIDENT_FILES.every((file) => entries.includes(file))) {
    return [{ kind: 'incidents', name: /^\d+$/.test(name) ? `replay/${name}` : name, folder }]
  }
  if (entries.includes(GENERATOR)) {
    const generator = join(folder, GENERATOR)
    return seeds.map((seed) => ({ kind: 'generated', name: `${name}/${seed}`, generator, seed }))
  }
  if (entries.includes('faults.json') && fileOf(folder, 'logs.jsonl') !== null) {
    return [{ kind: 'requests', name, folder }]
  }
  if (windowsFile(folder) !== null) return [{ kind: 'metrics', name, folder }]
  const messages = entries.filter((entry) => /_structured\.csv(\.gz)?$/.test(entry))
  if (messages.length > 0) {
    return messages.map((entry) => ({
      kind: 'templates',
      name: messages.length === 1 ? name : `${name}/${entry.replace(/_structured\.csv(\.gz)?$/, '')}`,
      file: join(folder, entry),
    }))
  }
  const tables: SetTask[] = []
  for (const entry of entries) {
    const stem = /^(.+)\.csv(?:\.gz)?$/.exec(entry)?.[1]
    if (stem === undefined || !(await isTable(join(folder, entry)))) continue
    tables.push({ kind: 'forest', name: `${name}/${stem}`, file: join(folder, entry) })
  }
  return tables
}

/** Its last column is `label`, all others are numbers. */
async function isTable(file: string): Promise<boolean> {
  try {
    for await (const { columns, fields } of recordsOf(file, ['label'])) {
      return columns.at(-1) === 'label' && fields.every((field) => field !== '' && Number.isFinite(Number(field)))
    }
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error
  }
  return false
}
