/** The command line of `bench`. */
import { Command, Option } from '@commander-js/extra-typings'
import { positive } from './number-arguments.ts'

type End = (work: Promise<number>) => Promise<never>

const names = (text: string): string[] => text.split(',').filter((name) => name !== '')

/** `end` takes a command's exit code. */
export function benchCommand(end: End, env: NodeJS.ProcessEnv): Command {
  const command = new Command('bench').description(
    "figures of this machine beside psql's own COPY; writes docs/benchmarks.md with --write",
  )
  command
    .option('--rows <n>', 'logs a round', positive, 500_000)
    .option('--rounds <n>', 'rounds of each part, interleaved', positive, 3)
    .option('--only <names>', 'only these: parts, stages, costs, cpu, age, small, drain, separated by commas', names)
    .option(
      '--sweep [names]',
      'only sweeps: batch, partitions, services, size, codec, backlog, table, workers, separated by commas; by default all',
      names,
    )
    .option('--sweep-rows <n>', 'logs a point of a sweep', positive, 150_000)
    .option('--sweep-to <n>', 'the longest backlog or the largest table of a sweep', positive)
    .option('--age-rate <n>', 'logs a second at which latency is measured', positive, 10_000)
    .option('--age-seconds <n>', 'how long latency is measured', positive, 30)
    .option(
      '--drain-rows <n>',
      'the backlog that is worked off while logs arrive at the rate of --age-rate',
      positive,
      2_500_000,
    )
    .option('--profile <file>', 'only a CPU profile of the whole service, to FILE.cpuprofile')
    .option('--write', 'write docs/benchmarks.md, all sweeps with it; with --only or --sweep just their sections')
    .option('--json', 'as JSON')
    .addOption(new Option('--broker-name <text>').hideHelp())
    .addOption(new Option('--part <name>').hideHelp())
    .addOption(new Option('--postmaster <pid>').argParser(positive).hideHelp())
    .action((options) => end(import('./bench.ts').then(({ run }) => run(options, env))))
  return command
}
