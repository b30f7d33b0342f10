/**
 * `backtest`: judges stored rows, or a stretch of the topic, once more with other settings and says what would change. Reads only.
 * A detector begins with the first log it is given, as one on a first start would: name --since, so that those before it teach.
 */
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { Judge } from '../evaluation/judge.ts'
import { type OwnLabels, readOwnLabels } from '../evaluation/own-labels.ts'
import { type ChangedLog, type Opinion, type Rescoring, RescoringTally, type Side } from '../evaluation/rescoring.ts'
import { aligned } from '../evaluation/tables.ts'
import { type Feed, type FeedOptions, openFeed } from './log-feed.ts'
import { printable, printableJson } from './printable.ts'
import { SCORER_SETTINGS, scorerSettings } from './scorer-settings.ts'

export interface BacktestOptions extends FeedOptions {
  /** NAME=VALUE, as in the environment. */
  readonly set: readonly string[]
  readonly threshold?: string | undefined
  /** What the table says, or what the present settings say of the same logs. */
  readonly against?: 'stored' | 'settings' | undefined
  readonly labels?: string | undefined
  readonly json?: true | undefined
}

export interface Backtest extends Rescoring {
  readonly from: Feed['from']
  readonly against: 'stored' | 'settings'
  /** What was set otherwise. */
  readonly settings: Readonly<Record<string, string>>
  /** Logs that only taught. */
  readonly learned_from: number
}

const SERVICES_SHOWN = 20

/** Answers the exit code: 1 where there was nothing to judge. */
export async function run(options: BacktestOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const result = await backtest(options, env)
  process.stdout.write(options.json === true ? `${printableJson(result)}\n` : told(result))
  return result.logs === 0 ? 1 : 0
}

async function backtest(options: BacktestOptions, env: NodeJS.ProcessEnv): Promise<Backtest> {
  const { config } = loadConfig(env)
  const settings = changesOf(options)
  const changed = loadConfig({ ...env, ...settings }).config
  const feed = openFeed(options, config)
  const against = options.against ?? (feed.from === 'table' ? 'stored' : 'settings')
  if (against === 'stored' && feed.from === 'topic') {
    throw new ProcessorError('INPUT', 'a topic holds no scores to compare with: expected --against settings')
  }
  const labels = options.labels === undefined ? null : await readOwnLabels(options.labels)
  const [now, then] = [scorerSettings(config), scorerSettings(changed)]
  const shares = now.budget === undefined && then.budget === undefined ? undefined : await feed.shares()
  const present = against === 'settings' ? new Judge(now, shares) : null
  const other = new Judge(then, shares)
  const { tally, learned } = await compare(feed, { present, other, labels })
  return { from: feed.from, against, settings, learned_from: learned, ...tally.result() }
}

/** Throws INPUT. */
function changesOf({ set, threshold }: BacktestOptions): Record<string, string> {
  const changes: Record<string, string> = {}
  for (const text of set) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(text) ?? []
    if (name === undefined || value === undefined) {
      throw new ProcessorError('INPUT', `--set ${printable(text)}: expected NAME=VALUE, such as ANOMALY_THRESHOLD=0.7`)
    }
    if (!SCORER_SETTINGS.some((each) => each === name)) {
      const one = SCORER_SETTINGS.join(', ')
      throw new ProcessorError('INPUT', `--set ${printable(name)}: expected a setting of the scoring, one of ${one}`)
    }
    changes[name] = value
  }
  return threshold === undefined ? changes : { ...changes, ANOMALY_THRESHOLD: threshold }
}

async function compare(
  feed: Feed,
  judges: { readonly present: Judge | null; readonly other: Judge; readonly labels: OwnLabels | null },
): Promise<{ tally: RescoringTally; learned: number }> {
  const tally = new RescoringTally()
  let learned = 0
  for await (const batch of feed.batches) {
    const events = batch.map(({ event }) => event)
    const after = await judges.other.score(events)
    const before: readonly (Opinion | null | undefined)[] =
      judges.present === null ? batch.map(({ stored }) => stored) : await judges.present.score(events)
    after.forEach((log, i) => {
      const earlier = before[i]
      if (!feed.counts(log.event) || earlier === null || earlier === undefined) learned++
      else tally.add(log.event, { before: earlier, after: log }, judges.labels?.labelOf(log.event) ?? null)
    })
  }
  return { tally, learned }
}

/** For people: how much is flagged on both sides, by service, and the strongest changes. */
export function told(result: Backtest): string {
  const { logs, days, before, after, settings } = result
  if (logs === 0) return `nothing to judge: no logs in the ${result.from} from there to there\n`
  const changes = Object.entries(settings).map(([name, value]) => `${name}=${printable(value)}`)
  const earlier = result.against === 'stored' ? 'as stored' : 'as set now'
  const later = changes.length === 0 ? 'as judged now' : 'as set otherwise'
  const sides: [string, Side][] = [
    [earlier, before],
    [later, after],
  ]
  const learned = result.learned_from > 0 ? `, after ${result.learned_from} that only taught` : ''
  return [
    `${logs} logs of ${days.toFixed(1)} days out of the ${result.from}${learned}; ${changes.join(', ') || 'settings as they are'}\n\n`,
    aligned({
      title: '',
      header: ['', 'flagged', 'share', 'a day', 'mean score', ...labelHeader(after)],
      rows: sides.map(sideRow),
    }),
    `\nnewly flagged ${result.newly_flagged}, no longer flagged ${result.no_longer_flagged}\n`,
    services(result),
    examples('newly flagged, highest first', result.examples.newly_flagged),
    examples('no longer flagged, highest first', result.examples.no_longer_flagged),
  ].join('')
}

function labelHeader({ labelled }: Side): string[] {
  return labelled === null ? [] : ['precision where labelled', 'recall', 'F1']
}

function sideRow([name, side]: [string, Side]): string[] {
  const { flagged, rate, per_day, mean_score, labelled } = side
  const figures =
    labelled === null ? [] : [labelled.precision, labelled.recall, labelled.f1].map((value) => figure(value))
  return [name, String(flagged), percent(rate), figure(per_day, 1), figure(mean_score), ...figures]
}

/** With three digits that count, however small. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`
}

function figure(value: number, digits = 3): string {
  return Number.isNaN(value) ? '-' : value.toFixed(digits)
}

function services(result: Backtest): string {
  const shown = result.services.slice(0, SERVICES_SHOWN)
  if (shown.length === 0) return ''
  const rows = shown.map((each) => [
    printable(each.service, 40),
    ...[each.logs, each.before, each.after, each.newly_flagged, each.no_longer_flagged].map(String),
  ])
  const header = ['service', 'logs', 'flagged before', 'after', 'newly', 'no longer']
  const left = result.services.length - shown.length
  return `\n${aligned({ title: '', header, rows })}${left > 0 ? `and ${left} services more\n` : ''}`
}

function examples(title: string, logs: readonly ChangedLog[]): string {
  if (logs.length === 0) return ''
  const lines = logs.map(({ score_before, score_after, created_at, service, level, message, why }) => {
    const reason = why === null ? '' : `\n      ${printable(why, 160)}`
    const scores = `${score_before.toFixed(2)} -> ${score_after.toFixed(2)}`
    return `  ${scores}  ${created_at}  ${printable(service, 24)}  ${level}  ${printable(message, 80)}${reason}\n`
  })
  return `\n${title}\n${lines.join('')}`
}
