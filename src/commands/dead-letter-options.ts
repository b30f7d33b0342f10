/** What the dead-letter commands share: the options that say which letters are meant, positions as text, where output goes. */
import { type Config, loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { REJECT_REASONS } from '../log.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import {
  DEAD_LETTER_STATUSES,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterPosition,
} from '../postgres/dead-letter-filter.ts'
import { databaseOptions } from './database.ts'
import { printable } from './printable.ts'

export interface Output {
  readonly database: DatabaseOptions
  readonly write: (text: string) => void
  /** JSON instead of lines for people; bytes as base64. */
  readonly json?: boolean | undefined
}

/** As the command line gives them. */
export interface WhichLetters {
  readonly reason?: string | undefined
  readonly service?: string | undefined
  readonly fingerprint?: string | undefined
  readonly status?: string | undefined
  /** ISO 8601. */
  readonly since?: string | undefined
  readonly until?: string | undefined
}

export function outputOf(env: NodeJS.ProcessEnv): Output & { readonly config: Config } {
  const { config } = loadConfig(env)
  const write = (text: string): void => void process.stdout.write(text)
  return { database: databaseOptions(config, 'dead-letters'), write, config }
}

/** Throws INPUT. */
export function filterOf(which: WhichLetters): DeadLetterFilter {
  const { service, fingerprint } = which
  return {
    reason: oneOf(REJECT_REASONS, which.reason, '--reason'),
    service,
    fingerprint,
    status: oneOf(DEAD_LETTER_STATUSES, which.status, '--status'),
    since: time(which.since, '--since'),
    until: time(which.until, '--until'),
  }
}

function oneOf<T extends string>(all: readonly T[], text: string | undefined, option: string): T | undefined {
  if (text === undefined) return undefined
  const found = all.find((each) => each === text)
  if (found !== undefined) return found
  throw new ProcessorError('INPUT', `${option} ${printable(text)}: expected one of ${all.join(', ')}`)
}

function time(text: string | undefined, option: string): Date | undefined {
  if (text === undefined) return undefined
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) {
    throw new ProcessorError('INPUT', `${option} ${printable(text)}: expected a time such as 2025-12-03T15:00:00Z`)
  }
  return date
}

/**
 * For what changes letters: those at the positions, or those that the options choose; `all` where neither says anything.
 * Throws INPUT where nothing is chosen at all.
 */
export function chosen(
  positions: readonly string[],
  { all, ...which }: WhichLetters & { readonly all?: true | undefined },
): readonly DeadLetterFilter[] {
  const filter = filterOf(which)
  if (positions.length > 0) return positions.map((text) => ({ ...filter, position: parsePosition(text) }))
  if (all !== true && Object.values(filter).every((value) => value === undefined)) {
    throw new ProcessorError('INPUT', 'Name positions, or choose by --reason, --fingerprint, ..., or say --all')
  }
  return [filter]
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

/** topic/partition/offset, and the element where it isn't the whole record. */
export function positionOf({ topic, partition, offset, item }: DeadLetterPosition): string {
  return `${printable(topic)}/${partition}/${offset}${item === undefined || item < 0 ? '' : `/${item}`}`
}

/** Why a letter that is not new any more is left as it is. */
export function pastOf({ status, outcome }: Pick<DeadLetter, 'status' | 'outcome'>): string {
  return `it was ${status} before${outcome === null ? '' : ` (${outcome})`}`
}
