/**
 * `npm run simulate`: the product's own source, ledger, store and line in simulated worlds full of faults (docs/exactly-once.md).
 *
 *   npm run simulate                           the next 5,000 seeds; goes on where the last run ended
 *   npm run simulate -- --seeds 1000000        as many, with the state kept: stopped and started again it goes on
 *   npm run simulate -- --from 7 --seeds 10    these, whatever was run before
 *   npm run simulate -- --seed 7 --trace       one, told step by step; a failing one is made as small as it gets
 *   npm run simulate -- --mutants              the protocol's rules left out one by one; writes docs/mutants.md
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { positive, whole } from '../src/commands/number-arguments.ts'
import { killMutants } from '../test/simulation/mutant-table.ts'
import { type Plan, planOf } from '../test/simulation/plan.ts'
import { type Failure, runSeeds } from '../test/simulation/seeds.ts'
import { shrink } from '../test/simulation/shrink.ts'
import { simulate } from '../test/simulation/simulate.ts'

const root = resolve(import.meta.dirname, '..')
const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface State {
  next: number
  seeds: number
  seconds: number
  rows: number
  faults: number
  failures: Failure[]
}

function readState(file: string): State {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { next: 1, seeds: 0, seconds: 0, rows: 0, faults: 0, failures: [] }
  }
}

function writeState(file: string, state: State): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(state, null, 2)}\n`)
}

async function main(): Promise<number> {
  const program = new Command('npm run simulate --')
    .description(
      "The product's own source, ledger, store and line in simulated worlds full of faults, checked after every step.",
    )
    .option('--seeds <n>', 'how many', positive, 5_000)
    .option('--from <n>', 'the first of them; by default where the last run ended', whole)
    .option('--seed <n>', 'this one alone; a failing one is made as small as it gets', whole)
    .option('--trace', 'with --seed: told step by step', false)
    .option('--jobs <n>', 'threads; by default one a core', positive)
    .option(
      '--state <file>',
      'where the sums are kept, so that the next run goes on',
      join(root, '.runtime', 'simulate.json'),
    )
    .option('--mutants', "the protocol's rules left out one by one instead; writes docs/mutants.md", false)
  program.parse(process.argv.filter((arg) => arg !== '--'))
  const { mutants: isMutants, seed, trace, seeds, from, jobs, state: file } = program.opts()
  if (isMutants) return await mutants()
  if (seed !== undefined) return await one(seed, trace)
  return await many({ seeds, from: from ?? null, jobs, file })
}

async function mutants(): Promise<number> {
  const { page, alive } = await killMutants(say)
  writeFileSync(join(root, 'docs', 'mutants.md'), page)
  say(alive.length === 0 ? 'every mutant was noticed; docs/mutants.md written' : `not noticed: ${alive.join(', ')}`)
  return alive.length === 0 ? 0 : 1
}

async function one(seed: number, trace: boolean): Promise<number> {
  const { violation, ...figures } = await simulate(planOf(seed), undefined, trace ? say : null)
  if (violation === null) {
    const { records, faults, rows, steps, virtualMs } = figures
    say(
      `seed ${seed} holds: ${records} records, ${faults} faults, ${rows} rows, ${steps} steps, ${virtualMs / 1000} s of simulated time`,
    )
    return 0
  }
  say(`seed ${seed} fails: ${violation.message}`)
  if (!trace) tellPlan(await shrink(planOf(seed)))
  return 1
}

function tellPlan({ faults, productions }: Plan): void {
  say(`the smallest plan that fails alike: ${faults.length} faults, ${productions.length} productions`)
  for (const { kind, atMs, forMs, which } of faults) say(`  ${atMs} ms: ${kind} (${which}) for ${forMs} ms`)
  for (const { kind, atMs, count, partition } of productions)
    say(`  ${atMs} ms: ${count} records (${kind}) to partition ${partition}`)
}

async function many(wanted: {
  seeds: number
  from: number | null
  jobs: number | undefined
  file: string
}): Promise<number> {
  const { seeds, from, jobs, file } = wanted
  const state = from === null ? readState(file) : { ...readState('/'), next: from }
  const first = state.next
  const before = state.failures.length
  const began = performance.now()
  const ended = new Map<number, number>()
  let told = began
  say(`seeds ${first} to ${first + seeds - 1}`)
  await runSeeds(
    { from: first, to: first + seeds },
    (chunk) => {
      ended.set(chunk.from, chunk.to)
      // Chunks end out of order: the state goes on only over what is complete.
      for (let to = ended.get(state.next); to !== undefined; to = ended.get(state.next)) {
        ended.delete(state.next)
        state.next = to
      }
      state.seeds += chunk.to - chunk.from
      state.rows += chunk.rows
      state.faults += chunk.faults
      state.failures.push(...chunk.failures)
      for (const { seed, message } of chunk.failures)
        say(`seed ${seed} fails: ${message}\n  again: npm run simulate -- --seed ${seed} --trace`)
      const now = performance.now()
      if (from === null) writeState(file, { ...state, seconds: state.seconds + (now - began) / 1000 })
      if (now - told > 10_000) {
        told = now
        say(`${state.next - first} seeds, ${(((state.next - first) / (now - began)) * 1000).toFixed(0)} a second`)
      }
      return true
    },
    jobs,
  )
  const seconds = (performance.now() - began) / 1000
  const failed = state.failures.length - before
  say(`${seeds} seeds in ${seconds.toFixed(0)} s (${(seeds / seconds).toFixed(0)} a second): ${failed} failed`)
  say(`in all ${state.seeds} seeds, ${state.faults} faults, ${state.rows} rows, ${state.failures.length} failed`)
  return failed === 0 ? 0 : 1
}

process.exitCode = await main()
