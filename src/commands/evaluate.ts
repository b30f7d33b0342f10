/** `evaluate`: how good the scores are, on labelled sets that other people made or that a generator makes on the spot. */
import { readFile, writeFile } from 'node:fs/promises'
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { findLabelledSets } from '../evaluation/labelled-sets.ts'
import { type LeftOut, measureAll } from '../evaluation/measure-pool.ts'
import type { SetResult } from '../evaluation/set-result.ts'
import { tablesOf } from '../evaluation/tables.ts'

export interface EvaluateOptions {
  /** A folder with one or more labelled sets. */
  readonly data?: string | undefined
  /** Of generated replays. */
  readonly seeds: readonly number[]
  /** Sets measured at the same time. */
  readonly threads: number
  readonly python?: string | undefined
  readonly json?: true | undefined
  readonly write?: true | undefined
}

const PAGE = 'docs/anomaly-detection.md'
const BEGIN = '<!-- measured: begin (written by `evaluate --write`) -->'
const END = '<!-- measured: end -->'
const PYTHONS = ['python3', '/usr/bin/python3', 'python']

/** Answers the exit code: 1 where a set was left out. */
export async function run(options: EvaluateOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { config } = loadConfig(env)
  const folder = options.data ?? env['ANOMALY_DATA']
  if (folder === undefined || folder === '') {
    throw new ProcessorError(
      'INPUT',
      'nothing to evaluate: name a folder of labelled sets with --data, or set ANOMALY_DATA',
    )
  }
  const tasks = await findLabelledSets(folder, options.seeds)
  const { threshold, servicesMax } = config.scoring
  const { results, leftOut } = await measureAll(
    tasks,
    {
      settings: { threshold, servicesMax },
      pythons: options.python === undefined ? PYTHONS : [options.python],
      threads: options.threads,
    },
    ({ name }, seconds) => void process.stderr.write(`${name}: ${seconds.toFixed(1)} s\n`),
  )
  process.stdout.write(options.json === true ? `${JSON.stringify(jsonOf(results, leftOut))}\n` : tablesOf(results))
  for (const { name, reason } of leftOut) process.stderr.write(`left out: ${name}: ${reason}\n`)
  if (options.write === true) await writePage(tablesOf(results))
  return leftOut.length === 0 ? 0 : 1
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
