import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MEASURES } from '../../../src/bench/report.ts'
import { SWEEPS } from '../../../src/bench/sweeps.ts'
import { benchCommand } from '../../../src/commands/bench-command-line.ts'

/** What the command line makes of the words, and what the command rejects with. */
async function typed(...words: string[]): Promise<unknown> {
  let failure: unknown = null
  const command = benchCommand(async (work) => {
    await work.catch((error: unknown) => {
      failure = error
    })
    return undefined as never
  }, {})
  const quiet = { writeOut: () => undefined, writeErr: () => undefined }
  await command.exitOverride().configureOutput(quiet).parseAsync(words, { from: 'user' })
  return failure
}

test('the help names every measure and every sweep that there is', () => {
  const help = benchCommand(async () => undefined as never, {}).helpInformation()
  const option = (name: string): string => help.slice(help.indexOf(name)).split(/\n\s+--/)[0] ?? ''
  for (const name of MEASURES) assert.match(option('--only'), new RegExp(`\\b${name}\\b`))
  for (const name of SWEEPS) assert.match(option('--sweep [names]'), new RegExp(`\\b${name}\\b`))
  assert.doesNotMatch(help, /--part|--postmaster/)
})

test('numbers that are none, or not positive, are refused before anything is started', async () => {
  for (const words of [
    ['--rows', '0'],
    ['--rounds', 'many'],
    ['--age-seconds', '-1'],
    ['--drain-rows', '1e'],
  ])
    await assert.rejects(typed(...words), { code: 'commander.invalidArgument' }, words.join(' '))
})

test('what it does not know is an error of the caller, told with what there is', async () => {
  for (const [words, said] of [
    [['--only', 'parts,colour'], /--only colour: expected some of parts, /],
    [['--sweep', 'colour'], /--sweep colour: expected some of batch, /],
    [['--part', 'colour'], /colour is no part of the benchmark/],
    [['--profile', 'here.txt'], /--profile here.txt: expected a name that ends in .cpuprofile/],
  ] as const) {
    const failure = await typed(...words)
    assert.ok(failure instanceof Error && 'code' in failure && failure.code === 'INPUT', String(failure))
    assert.match(failure.message, said)
  }
})
