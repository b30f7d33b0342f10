/** `dead-letters list`, `groups` and `show`: what could not be stored, why, and its bytes. Reads only. */
import type { Config } from '../config.ts'
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPosition,
  WholeDeadLetter,
} from '../postgres/dead-letter-filter.ts'
import { groupDeadLetters, listDeadLetters, showDeadLetter } from '../postgres/dead-letters.ts'
import { filterOf, type Output, outputOf, parsePosition, positionOf, type WhichLetters } from './dead-letter-options.ts'
import { counted, hexDump, preview, printable, printableJson } from './printable.ts'
import { writeTable } from './table.ts'

interface DeadLettersListOptions extends Output {
  readonly filter: DeadLetterFilter & { readonly limit: number }
}
interface DeadLettersShowOptions extends Output {
  readonly namespace?: string
  readonly position: DeadLetterPosition
}

const PREVIEW_CHARS = 60
const DETAIL_CHARS = 60
const DUMPED_BYTES = 4096

interface ListOptions extends WhichLetters {
  readonly limit: number
  readonly json?: true | undefined
}

/** Answers the exit code. */
export async function list({ limit, json, ...which }: ListOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { config, ...output } = outputOf(env)
  return deadLettersList({ ...output, json, filter: { ...filterOf(which), ...ours(config), limit } })
}

/** Answers the exit code. */
export async function groups({ limit, json, ...which }: ListOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { config, ...output } = outputOf(env)
  return deadLettersGroups({ ...output, json, filter: { ...filterOf(which), ...ours(config), limit } })
}

/** Answers the exit code: 1 where there is no such letter. */
export async function show(
  position: string,
  { json }: { readonly json?: true | undefined },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { config, ...output } = outputOf(env)
  return deadLettersShow({ ...output, json, ...ours(config), position: parsePosition(position) })
}

/** Looked for elsewhere than they are, they would be missed in silence. */
function noneIn({ namespace }: DeadLetterFilter): string {
  return namespace === undefined ? 'no dead letters\n' : `no dead letters in the namespace ${printable(namespace)}\n`
}

/** Several installations may share a database. */
function ours({ database }: Config): { readonly namespace: string } {
  return { namespace: database.namespace }
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
    write(noneIn(filter))
    return 0
  }
  for (const { reason, count } of counts) write(`${String(count).padStart(10)}  ${printable(reason)}\n`)
  write(`${String(total).padStart(10)}  in all; ${letters.length} listed, newest first\n\n`)
  const header = ['stored at', 'position', 'status', 'reason', 'service', 'detail', 'value']
  writeTable(write, [header, ...letters.map(cellsOf)])
  return 0
}

/** Answers the exit code. */
export async function deadLettersGroups({ database, write, json, filter }: DeadLettersListOptions): Promise<number> {
  const found = await groupDeadLetters(database, filter)
  if (json === true) {
    write(`${printableJson(found.map((group) => ({ ...group, example: forJson(group.example) })))}\n`)
    return 0
  }
  if (found.length === 0) {
    write(noneIn(filter))
    return 0
  }
  const header = ['count', 'reason', 'fingerprint', 'first seen', 'last seen', 'tried', 'example', 'detail', 'value']
  const rows = found.map(({ count, reason, fingerprint, firstSeen, lastSeen, attempted, example }) => [
    String(count),
    printable(reason),
    printable(fingerprint),
    firstSeen,
    lastSeen,
    String(attempted),
    positionOf(example),
    printable(example.detail, DETAIL_CHARS),
    example.value === null ? '-' : preview(example.value, PREVIEW_CHARS),
  ])
  writeTable(write, [header, ...rows])
  return 0
}

/** Answers the exit code: 1 where there is no such letter. */
export async function deadLettersShow(options: DeadLettersShowOptions): Promise<number> {
  const { database, write, json, namespace, position } = options
  const letters = await showDeadLetter(database, { namespace, position })
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

function cellsOf(letter: DeadLetter): string[] {
  return [
    letter.createdAt,
    positionOf(letter),
    printable(letter.status),
    printable(letter.reason),
    printable(letter.service ?? '-', 24),
    printable(letter.detail, DETAIL_CHARS),
    letter.value === null ? '-' : preview(letter.value, PREVIEW_CHARS),
  ]
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
    ['status', `${letter.status}, ${counted(letter.attempts, 'attempt')}`],
    ['outcome', letter.outcome === null ? null : `${letter.outcome} (${letter.attemptedAt ?? 'never'})`],
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

/** Bytes as base64. */
export function forJson(letter: DeadLetter | WholeDeadLetter): unknown {
  const base64 = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null
  return 'key' in letter
    ? { ...letter, key: base64(letter.key), value: base64(letter.value) }
    : { ...letter, value: base64(letter.value) }
}
