/** The service's voice: the seed's lines on a terminal and in container logs, or one JSON object a line for machines. */
import { pino } from 'pino'
import type { ScoredLog } from '../log.ts'
import { plainText } from './plain-text.ts'
import { RepeatGate } from './rate-gate.ts'

const REPEAT_INTERVAL_MS = 10_000
const LINE_CHARACTERS_MAX = 1000
const ERROR = '✗ '

export type Fields = Readonly<Record<string, string | number | boolean | null>>
type Weight = 'info' | 'warn' | 'error'

export interface VoiceOptions {
  readonly format: 'text' | 'json'
  readonly write: (text: string) => void
  readonly clock: () => number
  readonly now: () => number
  readonly version: string
}

export class Voice {
  readonly #print: (weight: Weight, event: string, line: string, fields: Fields) => void
  readonly #repeats: RepeatGate

  constructor(options: VoiceOptions) {
    this.#repeats = new RepeatGate(REPEAT_INTERVAL_MS, options.clock)
    this.#print =
      options.format === 'json' ? jsonPrinter(options) : (_weight, _event, line) => options.write(`${line}\n`)
  }

  info(event: string, line: string, fields: Fields = {}): void {
    this.#print('info', event, plainText(line, LINE_CHARACTERS_MAX), fields)
  }

  /** Once per event (and `kind` of it) per 10 s; what is held back is counted. */
  warn(event: string, line: string, fields: Fields = {}, kind = ''): void {
    this.#gated('warn', `${event} ${kind}`, `⚠ ${line}`, fields)
  }

  error(event: string, line: string, fields: Fields = {}, kind = ''): void {
    this.#gated('error', `${event} ${kind}`, `${ERROR}${line}`, fields)
  }

  /** Prints what was held back and is due; at the end, all of it. */
  catchUp(all = false): void {
    this.#say(this.#repeats.due(() => all))
  }

  /** What these events told is over: what was held back of them is printed before whatever says so, not after it. */
  over(...events: readonly string[]): void {
    this.#say(this.#repeats.due((kind) => events.includes(eventOf(kind))))
  }

  #say(lines: readonly { readonly kind: string; readonly line: string }[]): void {
    for (const { kind, line } of lines) this.#print(line.startsWith(ERROR) ? 'error' : 'warn', eventOf(kind), line, {})
  }

  #gated(weight: Weight, kind: string, line: string, fields: Fields): void {
    const passed = this.#repeats.pass(kind, plainText(line, LINE_CHARACTERS_MAX))
    if (passed !== null) this.#print(weight, eventOf(kind), passed, fields)
  }
}

function eventOf(kind: string): string {
  return kind.split(' ')[0] ?? kind
}

function jsonPrinter({ write, now, version }: VoiceOptions) {
  const logger = pino(
    {
      base: { name: 'insighthub-processor', version },
      timestamp: () => `,"time":${Math.round(now())}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
  return (weight: Weight, event: string, line: string, fields: Fields): void => {
    const plain = Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? plainText(value) : value,
    ])
    logger[weight]({ event, ...Object.fromEntries(plain) }, line.replace(/^[\s✓🚀🚨⚠✗]+/u, ''))
  }
}

/** Who judged, in the seed's words. */
const METHODS = {
  model: 'ML Engine: Combined method',
  remote: 'ML Engine: Combined method',
  rules: 'ML Engine: heuristic_fallback method',
  replay: 'ML Engine: heuristic_fallback method',
} as const

/** One stored log as the seed prints it: two lines for an anomaly, one for any other. Never the message's text. */
export function sayProcessed(voice: Voice, log: ScoredLog, logId: number): void {
  const { service, level } = log.event
  const score = log.score.toFixed(2)
  const fields = { log_id: logId, service, log_level: level, score: log.score, source: log.source }
  if (!log.isAnomaly) {
    voice.info('log_processed', `✓ Processed log #${logId}: ${plainText(service)} [${level}]`, fields)
    return
  }
  voice.info('anomaly_scored', `  ${METHODS[log.source]}, score: ${score}`, fields)
  const line = `🚨 ANOMALY Processed log #${logId}: ${plainText(service)} [${level}] (score: ${score})`
  voice.info('anomaly_processed', line, fields)
}
