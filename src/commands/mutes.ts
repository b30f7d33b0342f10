/** `mutes add`, `list` and `remove`: the table that workers read every few seconds. */
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { addMute, endMute, listMutes, type NewMute, type StoredMute } from '../postgres/mute-table.ts'
import { databaseOptions } from './database.ts'
import { printable, printableJson } from './printable.ts'

/** As the command line gives them. */
export interface AddOptions {
  readonly service?: string | undefined
  readonly template?: string | undefined
  readonly for?: string | undefined
  /** ISO 8601. */
  readonly until?: string | undefined
  readonly from?: string | undefined
  readonly why: string
  readonly json?: true | undefined
}

const TEXT_LENGTH_MAX = 500
const DAYS_MAX = 366
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Answers the exit code. */
export async function add(options: AddOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const mute = parseMute(options)
  const stored = await addMute(scopeOf(env), mute)
  if (options.json === true) return write(`${printableJson(forJson(stored))}\n`)
  return write(
    `mute ${stored.id}: ${subject(stored)} from ${iso(stored.sinceMs)} until ${iso(stored.untilMs)}\n` +
      'It counts by the time in the log: rows that are stored already stay as they are.\n',
  )
}

/** Answers the exit code. */
export async function list(
  options: { readonly ended?: true | undefined; readonly json?: true | undefined },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const scope = scopeOf(env)
  const mutes = await listMutes(scope, options.ended === true)
  if (options.json === true) return write(`${printableJson(mutes.map(forJson))}\n`)
  if (mutes.length === 0) return write(`no mutes in the namespace ${printable(scope.namespace)}\n`)
  const lines = mutes.map((mute) =>
    [
      String(mute.id).padStart(5),
      mute.state.padEnd(7),
      iso(mute.sinceMs),
      iso(mute.untilMs),
      `${subject(mute)}: ${printable(mute.why)}`,
    ].join('  '),
  )
  return write(`   id  state    from                  until                 what and why\n${lines.join('\n')}\n`)
}

/** Answers the exit code: 1 where there is no such mute. */
export async function remove(
  id: number,
  options: { readonly json?: true | undefined },
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const ended = await endMute(scopeOf(env), id)
  if (ended === null) {
    write(options.json === true ? 'null\n' : `no mute ${id}\n`)
    return 1
  }
  if (options.json === true) return write(`${printableJson(forJson(ended))}\n`)
  return write(`mute ${id} ends at ${iso(ended.untilMs)}\n`)
}

/** Throws INPUT. */
export function parseMute(options: AddOptions): NewMute {
  const [service, templateId] = [name(options.service, '--service'), name(options.template, '--template')]
  const why = name(options.why, '--why')
  if (service === null && templateId === null) throw wrong('expected --service, --template or both')
  if ((options.for === undefined) === (options.until === undefined))
    throw wrong('expected --for or --until, one of them')
  if (why === null) throw wrong('--why: expected a reason')
  const lengthMs = options.for === undefined ? null : lengthOf(options.for)
  const [sinceMs, untilMs] = [time(options.from, '--from'), time(options.until, '--until')]
  if (sinceMs !== null && untilMs !== null && untilMs <= sinceMs) throw wrong('--until must come after --from')
  return { service, templateId, sinceMs, untilMs, lengthMs, why }
}

function lengthOf(text: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? []
  const ms = Number(digits) * (UNIT_MS[unit ?? ''] ?? Number.NaN)
  if (ms > 0 && ms <= DAYS_MAX * 86_400_000) return ms
  throw wrong(`--for ${printable(text, 40)}: expected a time such as 30m, 12h or 7d, at most ${DAYS_MAX}d`)
}

function time(text: string | undefined, option: string): number | null {
  if (text === undefined) return null
  const ms = Date.parse(text)
  if (Number.isFinite(ms)) return ms
  throw wrong(`${option} ${printable(text, 40)}: expected a time such as 2025-12-03T15:00:00Z`)
}

function name(text: string | undefined, option: string): string | null {
  const trimmed = text?.trim()
  if (trimmed === undefined) return null
  if (trimmed === '' || trimmed.length > TEXT_LENGTH_MAX || trimmed.includes('\0') || !trimmed.isWellFormed())
    throw wrong(`${option}: expected a text of at most ${TEXT_LENGTH_MAX} characters`)
  return trimmed
}

function wrong(text: string): ProcessorError {
  return new ProcessorError('INPUT', text)
}

function scopeOf(env: NodeJS.ProcessEnv) {
  const { config } = loadConfig(env)
  return { database: databaseOptions(config, 'mutes'), namespace: config.database.namespace }
}

function subject({ service, templateId }: StoredMute): string {
  const message = templateId === null ? '' : `template ${printable(templateId)}`
  if (service === null) return message
  return message === '' ? printable(service) : `${message} of ${printable(service)}`
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

function forJson({ id, service, templateId, sinceMs, untilMs, why, state }: StoredMute): object {
  return { id, service, template_id: templateId, since: iso(sinceMs), until: iso(untilMs), why, state }
}

function write(text: string): number {
  process.stdout.write(text)
  return 0
}
