/** One part of the benchmark in a process of its own, so that its CPU time and memory are nobody else's. Prints its figure as JSON. */
import { USUAL_SHAPE } from '../bench/logs.ts'
import type { PartOptions } from '../bench/part-options.ts'
import { measureStages } from '../bench/stages.ts'
import { TEXTS } from '../bench/texts.ts'
import { loadConfig } from '../config.ts'
import { ProcessorError } from '../errors.ts'
import { measureCosts, measureSink } from './bench-sink.ts'
import { measureSource } from './bench-source.ts'

export async function runPart(part: string, options: PartOptions, env: NodeJS.ProcessEnv): Promise<number> {
  process.stdout.write(`${JSON.stringify(await figuresOf(part, options, env))}\n`)
  return 0
}

function figuresOf(part: string, options: PartOptions, env: NodeJS.ProcessEnv): Promise<unknown> {
  const text = TEXTS.find((each) => part === `stages-${each}`)
  if (text !== undefined) return measureStages({ ...roundsOf(options.rows), shape: { ...USUAL_SHAPE, text } })
  switch (part) {
    case 'stages':
      return measureStages(roundsOf(options.rows))
    case 'stages-extras':
      return measureStages({ ...roundsOf(options.rows), shape: { ...USUAL_SHAPE, extras: true } })
    case 'sink-1':
      return measureSink(loadConfig(env).config, { ...options, lanes: 1 })
    case 'sink-2':
      return measureSink(loadConfig(env).config, { ...options, lanes: 2 })
    case 'costs':
      return measureCosts(loadConfig(env).config, options)
    case 'source':
      return measureSource(loadConfig(env).config, options)
    default:
      throw new ProcessorError('INPUT', `${part} is no part of the benchmark`)
  }
}

const ROUND_LOGS = 20_000

function roundsOf(rows: number): { logs: number; rounds: number } {
  return { logs: ROUND_LOGS, rounds: Math.max(1, Math.round(rows / ROUND_LOGS)) }
}
