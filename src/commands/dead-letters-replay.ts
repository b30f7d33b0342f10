/**
 * `dead-letters replay`: what the current code, or an edited value, makes of dead letters, stored exactly once. With --dry-run
 * it only says what would become of them. A letter is tried once a run, and letters that the run itself makes are not taken up.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Reading, readAgain } from '../dead-letters/second-reading.ts'
import { type Edited, editedOf, wholeValue } from '../dead-letters/values.ts'
import { isRetriable, messageOf, ProcessorError } from '../errors.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { decodeHeaders } from '../kafka/record-headers.ts'
import { type RecordLookup, recordLookup } from '../kafka/record-lookup.ts'
import { linesOf } from '../lines.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import { latestClock } from '../postgres/database-clock.ts'
import type { DeadLetterFilter, DeadLetterPosition, WholeDeadLetter } from '../postgres/dead-letter-filter.ts'
import { DeadLetterReplay } from '../postgres/dead-letter-replay.ts'
import { eachDeadLetter } from '../postgres/dead-letters.ts'
import { logsIsHypertable } from '../postgres/migrate.ts'
import { replayedLog } from '../scoring/rule-scorer.ts'
import {
  chosen,
  type Output,
  outputOf,
  parsePosition,
  pastOf,
  positionOf,
  type WhichLetters,
} from './dead-letter-options.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { normalizeLimits } from './normalize-limits.ts'
import { counted, printable, printableJson } from './printable.ts'

export interface ReplayCommandOptions extends WhichLetters {
  readonly all?: true | undefined
  readonly dryRun?: true | undefined
  /** Letters a second. */
  readonly rate: number
  readonly limit?: number | undefined
  /** A file whose bytes stand in for the value of the one position given. */
  readonly value?: string | undefined
  /** A file as `export` writes it, its values edited. */
  readonly input?: string | undefined
  readonly json?: true | undefined
}

const TRIES = 5
const RETRY_MS = 1_000
const DETAIL_CHARS = 120
/** Letters of one result that get a line; the rest are counted. */
const LINES_MAX = 50

export interface LetterResult {
  readonly position: string
  readonly result: 'replayed' | 'would be replayed' | 'still refused' | 'not new' | 'not there'
  readonly rows: number
  readonly detail: string
}

/** What a letter is read with: all that touches the world, so that tests bring their own. */
export interface ReplayParts {
  readonly reader: Parameters<typeof readAgain>[2]
  readonly lookup: Pick<RecordLookup, 'read'>
  readonly replay: Pick<DeadLetterReplay, 'store' | 'failed'>
  /** Monotonic, in ms. */
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<unknown>
}

/** Answers the exit code: 0 where every letter chosen was replayed (or would be). */
export async function run(
  positions: readonly string[],
  options: ReplayCommandOptions,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { config, ...output } = outputOf(env)
  const { database } = output
  const transport = platformaticTransport(clusterOptions(config, 'insighthub-dead-letters'))
  const lookup = recordLookup(transport)
  const { deadLetterBytesMax } = config.limits
  const replay = new DeadLetterReplay({ database, deadLetterBytesMax, decodeHeaders })
  try {
    const clock = (): number => performance.now()
    const limits = normalizeLimits(config, await logsIsHypertable(database))
    const now = await latestClock(database, { now: Date.now, clock })
    const reader = { normalize: createNormalizer(limits, now), judge: replayedLog }
    const letters = lettersToReplay(positions, options, { database, namespace: config.database.namespace })
    return await replayAll(letters, { reader, lookup, replay, clock, sleep }, { ...output, ...options })
  } finally {
    await replay.close()
    await lookup.close()
  }
}

type ToReplay =
  | { readonly letter: WholeDeadLetter; readonly edited: Edited | null }
  /** Somebody named a position at which there is none. */
  | { readonly letter: null; readonly position: DeadLetterPosition }

/** Rejects with INPUT where a file cannot be read or holds something else, and as the database does. */
export async function* lettersToReplay(
  positions: readonly string[],
  options: ReplayCommandOptions,
  { database, namespace }: Pick<Output, 'database'> & { readonly namespace: string },
): AsyncGenerator<ToReplay> {
  const { value, input, limit: _, dryRun: __, json: ___, rate: ____, ...which } = options
  if (input !== undefined) {
    let number = 0
    for await (const line of linesOf(input)) {
      number++
      const text = line.toString('utf8')
      if (text.trim() === '') continue
      const { position, edited } = editedOf(text, `${input}, line ${number} (empty ones not counted)`)
      yield* matchingLetters({ position: parsePosition(position), namespace }, edited, database)
    }
    return
  }
  if (value !== undefined && positions.length !== 1) {
    throw new ProcessorError('INPUT', '--value stands in for the value of exactly one position')
  }
  const bytes = value === undefined ? null : await bytesOf(value)
  const edited = bytes === null ? null : { value: bytes }
  for (const filter of chosen(positions, which)) yield* matchingLetters({ ...filter, namespace }, edited, database)
}

/** The new ones. Who names a letter is told why nothing becomes of it. */
async function* matchingLetters(
  filter: DeadLetterFilter,
  edited: Edited | null,
  database: Output['database'],
): AsyncGenerator<ToReplay> {
  let any = false
  for await (const letter of eachDeadLetter(database, { ...filter, status: 'new' })) {
    any = true
    yield { letter, edited }
  }
  const { position } = filter
  if (any || position === undefined) return
  for await (const letter of eachDeadLetter(database, filter)) {
    any = true
    yield { letter, edited }
  }
  if (!any) yield { letter: null, position }
}

async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    throw new ProcessorError('INPUT', `--value ${file}: ${messageOf(error)}`, { cause: error })
  })
}

/** Answers the exit code. */
export async function replayAll(
  letters: AsyncIterable<ToReplay>,
  parts: ReplayParts,
  options: Pick<ReplayCommandOptions, 'dryRun' | 'rate' | 'limit'> & Pick<Output, 'write' | 'json'>,
): Promise<number> {
  const { write, json, rate, limit = Number.POSITIVE_INFINITY } = options
  const { clock, sleep } = parts
  const startedMs = clock()
  const counts = new Map<LetterResult['result'], number>()
  const results: LetterResult[] = []
  let taken = 0
  let rows = 0
  for await (const each of letters) {
    if (taken >= limit) break
    const aheadMs = (taken / rate) * 1000 - (clock() - startedMs)
    if (options.dryRun !== true && aheadMs > 1) await sleep(aheadMs)
    taken++
    const result = await replayOne(each, parts, options.dryRun === true)
    rows += result.rows
    const count = (counts.get(result.result) ?? 0) + 1
    counts.set(result.result, count)
    if (json === true) results.push(result)
    else if (count === LINES_MAX + 1) write(`...  more of them ${result.result}\n`)
    else if (count <= LINES_MAX)
      write(`${result.position}  ${result.result}: ${printable(result.detail, DETAIL_CHARS)}\n`)
  }
  const summary = [...counts].map(([result, count]) => `${count} ${result}`).join(', ')
  if (json === true) write(`${printableJson({ counts: Object.fromEntries(counts), rows, letters: results })}\n`)
  else if (taken === 0) write('no new dead letters match\n')
  else
    write(
      `${counted(taken, 'dead letter')}: ${summary}; ${counted(rows, 'row')}${options.dryRun === true ? ' (nothing was changed)' : ''}\n`,
    )
  const done = (counts.get('replayed') ?? 0) + (counts.get('would be replayed') ?? 0)
  return done === taken && taken > 0 ? 0 : 1
}

async function replayOne(each: ToReplay, parts: ReplayParts, dryRun: boolean): Promise<LetterResult> {
  if (each.letter === null)
    return {
      position: positionOf(each.position),
      result: 'not there',
      rows: 0,
      detail: 'no dead letter has that position',
    }
  const { letter, edited } = each
  const position = positionOf(letter)
  if (letter.status !== 'new') return { position, result: 'not new', rows: 0, detail: pastOf(letter) }
  const reading = await readingOf(letter, edited, parts)
  if (reading.kind !== 'logs') {
    const detail = reading.kind === 'refused' ? `${reading.reason}: ${reading.detail}` : reading.detail
    if (!dryRun) await persistently(parts, () => parts.replay.failed(letter, detail))
    return { position, result: 'still refused', rows: 0, detail }
  }
  const { logs, rejects } = reading
  const how = edited === null ? '' : ', edited'
  const bad = rejects.length === 0 ? '' : `, ${counted(rejects.length, 'element')} still bad`
  const told = `${counted(logs.length, 'row')}${bad}${how}`
  if (dryRun)
    return { position, result: 'would be replayed', rows: logs.length, detail: `${told}: ${firstLog(reading)}` }
  let tries = 0
  const outcome = await persistently(parts, () => {
    tries++
    return parts.replay.store(letter, { logs, rejects }, told)
  })
  switch (outcome.kind) {
    case 'stored':
      return { position, result: 'replayed', rows: logs.length, detail: told }
    case 'not-new':
      // The first try had stored it, and only its answer was lost.
      if (tries > 1 && outcome.status === 'replayed')
        return { position, result: 'replayed', rows: logs.length, detail: told }
      return { position, result: 'not new', rows: 0, detail: `it is ${outcome.status ?? 'gone'} by now` }
    case 'refused':
      await persistently(parts, () => parts.replay.failed(letter, outcome.detail))
      return { position, result: 'still refused', rows: 0, detail: outcome.detail }
  }
}

function firstLog({ logs }: Extract<Reading, { kind: 'logs' }>): string {
  const event = logs[0]?.event
  return event === undefined ? '' : `${event.service} [${event.level}] ${new Date(event.createdAt).toISOString()}`
}

async function readingOf(letter: WholeDeadLetter, edited: Edited | null, parts: ReplayParts): Promise<Reading> {
  const place = {
    partition: letter.partition,
    offset: letter.offset,
    item: letter.item,
    recordTimeMs: letter.recordTime === null ? null : Date.parse(letter.recordTime),
  }
  if (edited !== null) {
    const replaces = letter.item < 0 ? 'record' : 'element'
    return readAgain(place, { key: letter.key, value: edited.value, replaces }, parts.reader)
  }
  const whole = await persistently(parts, () => wholeValue(letter, parts.lookup))
  if (whole === null) {
    const detail = 'Its bytes were cut or erased, and Kafka does not hold the record any more'
    return { kind: 'refused', reason: letter.reason, detail }
  }
  return readAgain(place, { key: letter.key, value: whole, replaces: 'record' }, parts.reader)
}

/** Both sides may be away for a moment; every step may be repeated, since the letter's status decides. */
async function persistently<T>({ sleep }: Pick<ReplayParts, 'sleep'>, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!isRetriable(error) || tries >= TRIES) throw error
      process.stderr.write(`${messageOf(error)}; trying again\n`)
      await sleep(RETRY_MS)
    }
  }
}
