/** `evaluate`: how good the scores are, on labelled sets that other people made or that a generator makes on the spot. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import type { ScorerSettings } from '../evaluation/judge.ts'
import { findLabelledSets, type SetTask } from '../evaluation/labelled-sets.ts'
import { type LeftOut, type Measured, measureAll } from '../evaluation/measure-pool.ts'
import { readOwnLabels } from '../evaluation/own-labels.ts'
import { measureOwnLogs } from '../evaluation/own-logs.ts'
import { PYTHONS, type Python, pythonGivenNumpy, pythonWithNumpy } from '../evaluation/replay-generator.ts'
import type { SetResult } from '../evaluation/set-result.ts'
import { tablesOf } from '../evaluation/tables.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { type FeedOptions, openFeed } from './log-feed.ts'
import { scorerSettings } from './scorer-settings.ts'

export interface EvaluateOptions extends FeedOptions {
  /** A folder with one or more labelled sets. */
  readonly data?: string | undefined
  /** Of generated replays. */
  readonly seeds: readonly number[]
  /** Sets measured at the same time. */
  readonly threads: number
  /** Labels of one's own, for logs out of the table or the topic. */
  readonly labels?: string | undefined
  readonly python?: string | undefined
  readonly json?: true | undefined
  readonly write?: true | undefined
}

const PAGE = 'docs/anomaly-detection.md'
const BEGIN = '<!-- measured: begin (written by `evaluate --write`) -->'
const END = '<!-- measured: end -->'

/** Answers the exit code: 1 where a set was left out. */
export async function run(options: EvaluateOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { results, leftOut } = await measured(options, env)
  process.stdout.write(
    options.json === true ? `${JSON.stringify(jsonOf(results, leftOut))}\n` : tablesOf(results, { cost: true }),
  )
  for (const { name, reason } of leftOut) say(`left out: ${name}: ${reason}`)
  if (options.write === true) await writePage(tablesOf(results, { cost: false }))
  return leftOut.length === 0 ? 0 : 1
}

async function measured(options: EvaluateOptions, env: NodeJS.ProcessEnv): Promise<Measured> {
  const { config } = loadConfig(env)
  const settings = scorerSettings(config)
  if (options.table !== undefined || options.topic !== undefined) {
    if (options.labels === undefined) {
      throw new ProcessorError(
        'INPUT',
        'expected --labels: a file that says which logs of the table or topic are unusual',
      )
    }
    const labels = await readOwnLabels(options.labels)
    const feed = openFeed(options, config)
    const shares = settings.budget === undefined ? undefined : await feed.shares()
    return { results: [await measureOwnLogs(feed.from, { feed, labels, settings, shares })], leftOut: [] }
  }
  const folder = options.data ?? env['ANOMALY_DATA']
  if (folder === undefined || folder === '') {
    throw new ProcessorError(
      'INPUT',
      'nothing to evaluate: name a folder of labelled sets with --data, or set ANOMALY_DATA; or --table or --topic with --labels',
    )
  }
  return measuredSets(await findLabelledSets(folder, options.seeds), settings, options)
}

async function measuredSets(
  tasks: readonly SetTask[],
  settings: ScorerSettings,
  options: EvaluateOptions,
): Promise<Measured> {
  const packages = await scratchFolder('python')
  try {
    const generates = tasks.some(({ kind }) => kind === 'generated')
    const candidates = options.python === undefined ? PYTHONS : [options.python]
    const python = generates ? await pythonFor(candidates, packages) : null
    return await measureAll(tasks, { settings, python, threads: options.threads }, ({ name }, seconds) =>
      say(`${name}: ${seconds.toFixed(1)} s`),
    )
  } finally {
    await rm(packages, { recursive: true, force: true })
  }
}

/** One that has numpy, or one that is given it for this run alone. */
async function pythonFor(candidates: readonly string[], packages: string): Promise<Python | null> {
  const found = await pythonWithNumpy(candidates)
  if (found !== null) return found
  say('no Python here has numpy, which the generator of replays needs: installing it for this run')
  return pythonGivenNumpy(candidates, packages)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** JSON knows no NaN: what could not be computed becomes null. */
function jsonOf(sets: readonly SetResult[], leftOut: readonly LeftOut[]): unknown {
  return { sets, ...(leftOut.length === 0 ? {} : { left_out: leftOut }) }
}

async function writePage(tables: string): Promise<void> {
  const page = await readFile(PAGE, 'utf8')
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new ProcessorError('INPUT', `${PAGE} lacks the lines ${BEGIN} and ${END}`)
  await writeFile(PAGE, `${page.slice(0, from)}${BEGIN}\n\n${tables}\n${page.slice(to)}`)
}
