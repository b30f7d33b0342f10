/** `dead-letters list` and `dead-letters show`: what could not be stored, why, and its bytes. Reads only. */
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterPosition,
  listDeadLetters,
  showDeadLetter,
  type WholeDeadLetter,
} from '../postgres/dead-letters.ts'
import { databaseOptions } from './database.ts'
import { hexDump, preview, printable, printableJson } from './printable.ts'

interface Output {
  readonly database: DatabaseOptions
  readonly write: (text: string) => void
  /** One JSON object instead of a table; bytes as base64. */
  readonly json?: boolean | undefined
}
export interface DeadLettersListOptions extends Output {
  readonly filter: DeadLetterFilter
}
export interface DeadLettersShowOptions extends Output {
  readonly position: DeadLetterPosition
}

const PREVIEW_CHARS = 60
const DETAIL_CHARS = 60
const DUMPED_BYTES = 4096

export interface ListOptions {
  readonly reason?: string | undefined
  readonly service?: string | undefined
  /** ISO 8601. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly limit: number
  readonly json?: true | undefined
}

/** Answers the exit code. */
export async function list(options: ListOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { reason, service, limit, json } = options
  const filter = {
    reason,
    service,
    since: time(options.since, '--since'),
    until: time(options.until, '--until'),
    limit,
  }
  return deadLettersList({ ...outputOf(env), json, filter })
}

/** Answers the exit code: 1 where there is no such letter. */
export async function show(
  position: string,
  { json }: { readonly json?: true | undefined },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  return deadLettersShow({ ...outputOf(env), json, position: parsePosition(position) })
}

function outputOf(env: NodeJS.ProcessEnv): Pick<Output, 'database' | 'write'> {
  const write = (text: string): void => void process.stdout.write(text)
  return { database: databaseOptions(loadConfig(env).config, 'dead-letters'), write }
}

function time(text: string | undefined, option: string): Date | undefined {
  if (text === undefined) return undefined
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) {
    throw new ProcessorError('INPUT', `${option} ${printable(text)}: expected a time such as 2025-12-03T15:00:00Z`)
  }
  return date
}

/** topic/partition/offset or topic/partition/offset/item, as the list prints it. Throws INPUT. */
export function parsePosition(text: string): DeadLetterPosition {
  const parts = /^([^/]+)\/(\d{1,9})\/(\d{1,15})(?:\/(\d{1,9}))?$/.exec(text)
  const [, topic, partition, offset, item] = parts ?? []
  if (topic === undefined) {
    throw new ProcessorError('INPUT', `${printable(text, 200)}: expected topic/partition/offset, such as logs/0/42`)
  }
  const numbers = { partition: Number(partition), offset: Number(offset) }
  return { topic, ...numbers, item: item === undefined ? undefined : Number(item) }
}

/** Answers the exit code. */
export async function deadLettersList({ database, write, json, filter }: DeadLettersListOptions): Promise<number> {
  const { counts, letters } = await listDeadLetters(database, filter)
  if (json === true) {
    write(`${printableJson({ counts, letters: letters.map(forJson) })}\n`)
    return 0
  }
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) {
    write('no dead letters\n')
    return 0
  }
  for (const { reason, count } of counts) write(`${String(count).padStart(10)}  ${printable(reason)}\n`)
  write(`${String(total).padStart(10)}  in all; ${letters.length} listed, newest first\n\n`)
  const header = ['stored at', 'position', 'reason', 'service', 'detail', 'value']
  writeTable(write, [header, ...letters.map(cellsOf)])
  return 0
}

/** Answers the exit code: 1 where there is no such letter. */
export async function deadLettersShow({ database, write, json, position }: DeadLettersShowOptions): Promise<number> {
  const letters = await showDeadLetter(database, position)
  if (json === true) {
    write(`${printableJson(letters.map(forJson))}\n`)
    return letters.length === 0 ? 1 : 0
  }
  if (letters.length === 0) {
    const { topic, partition, offset, item } = position
    write(`no dead letter at ${printable(topic)}/${partition}/${offset}${item === undefined ? '' : `/${item}`}\n`)
    return 1
  }
  write(letters.map(described).join('\n'))
  return 0
}

/** topic/partition/offset, and the element where it isn't the whole record. */
function positionOf({ topic, partition, offset, item }: DeadLetter): string {
  return `${printable(topic)}/${partition}/${offset}${item < 0 ? '' : `/${item}`}`
}

function cellsOf(letter: DeadLetter): string[] {
  return [
    letter.createdAt,
    positionOf(letter),
    printable(letter.reason),
    printable(letter.service ?? '-', 24),
    printable(letter.detail, DETAIL_CHARS),
    letter.value === null ? '-' : preview(letter.value, PREVIEW_CHARS),
  ]
}

function writeTable(write: (text: string) => void, rows: readonly string[][]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

function described(letter: WholeDeadLetter): string {
  const fields: [string, string | null][] = [
    ['position', positionOf(letter)],
    ['namespace', letter.namespace],
    ['incarnation', String(letter.incarnation)],
    ['reason', letter.reason],
    ['detail', letter.detail],
    ['service', letter.service],
    ['sqlstate', letter.sqlstate],
    ['fingerprint', letter.fingerprint],
    ['status', `${letter.status}, ${letter.attempts} attempts`],
    ['record time', letter.recordTime],
    ['stored at', letter.createdAt],
    ['headers', letter.headers === null ? null : JSON.stringify(letter.headers)],
    ['key', letter.key === null ? null : preview(letter.key, 200)],
    ['value size', letter.valueSize === null ? null : `${letter.valueSize} bytes`],
    ['sha256', letter.valueSha256],
  ]
  const lines = fields
    .map(([name, value]) => `${name.padEnd(12)} ${value === null ? '-' : printable(value)}\n`)
    .join('')
  if (letter.value === null) return `${lines}no value\n`
  const shown = letter.value.subarray(0, DUMPED_BYTES)
  const left = (letter.valueSize ?? shown.length) - shown.length
  return `${lines}${hexDump(shown)}${left > 0 ? `… ${left} more bytes (--json has what is stored)\n` : ''}`
}

function forJson(letter: DeadLetter | WholeDeadLetter): unknown {
  const base64 = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null
  return 'key' in letter
    ? { ...letter, key: base64(letter.key), value: base64(letter.value) }
    : { ...letter, value: base64(letter.value) }
}
