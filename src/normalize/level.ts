/** Levels by all the names and numbers they are sent under. Case and surrounding blanks don't matter. */
import type { Level } from '../log.ts'

/** 10 to 60 are pino's (and bunyan's) numbers; they may also come as text. */
export const LEVEL_NAMES: Readonly<Record<Level, readonly string[]>> = {
  DEBUG: ['trace', 'verbose', 'debug', '10', '20'],
  INFO: ['info', 'notice', '30'],
  WARN: ['warn', 'warning', '40'],
  ERROR: ['err', 'error', '50'],
  FATAL: ['fatal', 'crit', 'critical', 'alert', 'emerg', 'panic', '60'],
}

/** RFC 5424, table 2: the index is the number. */
const SYSLOG_LEVELS: readonly Level[] = ['FATAL', 'FATAL', 'FATAL', 'ERROR', 'WARN', 'INFO', 'INFO', 'DEBUG']

const LEVEL_NAME_LENGTH_MAX = 32
const BY_NAME: ReadonlyMap<string, Level> = new Map(
  (['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const).flatMap((level): [string, Level][] => [
    [level, level],
    ...LEVEL_NAMES[level].map((name): [string, Level] => [name, level]),
  ]),
)

/** null: not a level that anybody knows. */
export function readLevel(sent: unknown, syslog: boolean): Level | null {
  if (typeof sent !== 'string' && typeof sent !== 'number') return null
  const exact = typeof sent === 'string' ? BY_NAME.get(sent) : undefined
  if (exact !== undefined) return exact
  const text = String(sent)
  if (text.length > LEVEL_NAME_LENGTH_MAX) return null
  const name = text.trim().toLowerCase()
  if (syslog && /^[0-7]$/.test(name)) return SYSLOG_LEVELS[Number(name)] ?? null
  return BY_NAME.get(name) ?? null
}
