/** The command line: one entry a subcommand, each loaded only when it is called. The only place that ends the process. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Command, Option } from '@commander-js/extra-typings'
import { benchCommand } from './commands/bench-command-line.ts'
import { OutputWatch } from './commands/closed-output.ts'
import { deadLettersCommand } from './commands/dead-letters-command-line.ts'
import { backtestCommand, evaluateCommand } from './commands/evaluation-command-line.ts'
import { ledgerCommand } from './commands/ledger-command-line.ts'
import { mutesCommand } from './commands/mutes-command-line.ts'
import { minutes, positive, whole } from './commands/number-arguments.ts'
import { exitCodeOf, messageOf, ProcessorError } from './errors.ts'

function version(): string {
  const text = readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')
  return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? 'unknown'
}

function complain(error: unknown): number {
  if (error instanceof ProcessorError && error.code === 'CONFIG_INVALID') {
    process.stderr.write(`The settings cannot be used:\n${error.message.replace(/^/gm, '  ')}\n`)
    return exitCodeOf(error)
  }
  const code = error instanceof ProcessorError ? ` (${error.code})` : ''
  process.stderr.write(`✗ ${error instanceof ProcessorError ? error.message : messageOf(error)}${code}\n`)
  const trace = error instanceof Error && !(error instanceof ProcessorError) ? error.stack : undefined
  if (trace !== undefined) process.stderr.write(`${trace.split('\n').slice(1).join('\n')}\n`)
  return exitCodeOf(error)
}

const program = new Command('insighthub-processor')
  .description('Logs from Kafka, scored for anomalies, stored exactly once in PostgreSQL or TimescaleDB')
  .version(version())
  .enablePositionalOptions()

const output = new OutputWatch([process.stdout, process.stderr])

/**
 * Runs a command to its exit code. Exiting, rather than waiting for what is still open: a stop has its own deadline. A reader that
 * has left changes nothing; an answer that could not be written is no success.
 */
async function end(work: Promise<number>): Promise<never> {
  const code = await work.catch(complain)
  await setImmediate()
  const { failure } = output
  if (failure === null) process.exit(code)
  const incomplete = complain(new ProcessorError('OUTPUT', `The output is incomplete: ${failure.message}`))
  process.exit(code === 0 ? incomplete : code)
}

/** As `end`, for a service: what it said on the way, and nobody heard, is counted, and no failure. */
async function serve(work: Promise<number>): Promise<never> {
  process.exit(await work.catch(complain))
}

program
  .command('process')
  .description('the service: consume, score and store until stopped (npm start)')
  .option(
    '--workers <n>',
    'worker processes, at most one a partition; by default WORKERS, else one core less',
    positive,
  )
  .addOption(new Option('--worker <n>').argParser(positive).hideHelp())
  .action((options) => serve(import('./commands/process.ts').then(({ run }) => run(options, process.env, version()))))

program
  .command('ml-engine')
  .description('the ML engine as a service of its own: scores logs over HTTP')
  .action(() => serve(import('./commands/ml-engine.ts').then(({ run }) => run(process.env, version()))))

program
  .command('demo')
  .description('the whole pipeline on this machine, a killed worker included, and a summary')
  .option('--input <file>', 'your own logs: JSON lines, .gz too, - for standard input')
  .option('--logs <n>', 'how many logs to generate', positive, 120_000)
  .option('--workers <n>', 'how many workers', positive, 2)
  .option('--seed <n>', 'seed of the generator', whole, 1)
  .option('--rate <n>', 'logs a second', positive, 6_000)
  .option('--keep', 'leave it running, with its addresses printed')
  .option('--json', 'one JSON object as the last thing printed')
  .action((options) => end(import('./commands/demo.ts').then(({ run }) => run(options, process.env))))

program
  .command('produce')
  .description('send JSON lines from a file or standard input to the topic')
  .requiredOption('--input <file>', 'a file, gzipped or not, or - for standard input')
  .option('--rate <n>', 'messages a second', positive)
  .option('--limit <n>', 'stop after so many', positive)
  .option('--topic <name>', 'another topic than KAFKA_TOPIC')
  .action((options) => end(import('./commands/produce.ts').then(({ run }) => run(options, process.env))))

program
  .command('migrate')
  .description('bring the database schema up to date')
  .option('--indexes', 'build the indexes of a fresh table on one that was taken over')
  .option('--hypertable', 'turn a filled logs table into a TimescaleDB hypertable')
  .action((options) => end(import('./commands/migrate.ts').then(({ run }) => run(options, process.env))))

program
  .command('status')
  .description('what a running worker is doing')
  .option('--url <url>', 'address of the worker; by default HTTP_HOST and HTTP_PORT')
  .option('--json', 'as JSON')
  .action((options) => end(import('./commands/status.ts').then(({ run }) => run(options, process.env))))

program.addCommand(deadLettersCommand(end, process.env))
program.addCommand(mutesCommand(end, process.env))
program.addCommand(ledgerCommand(end, process.env))

program
  .command('audit')
  .description('whether ledger, tables, dead letters and Kafka agree, by partition; names every difference')
  .option('--json', 'as JSON')
  .action((options) => end(import('./commands/audit.ts').then(({ run }) => run(options, process.env))))

program
  .command('prove')
  .description('exactly once, tried on your own Kafka and PostgreSQL with faults; writes a certificate')
  .option('--minutes <n>', 'how long in all', minutes, 5)
  .option('--seed <n>', 'seed of messages and faults', whole)
  .option('--rate <n>', 'messages a second', positive, 1_000)
  .option('--workers <n>', 'how many workers', positive, 3)
  .option('--keep', 'leave the topic, the group and the schema for a closer look')
  .option('--json', 'the certificate as the last thing printed')
  .action((options) => end(import('./commands/prove.ts').then(({ run }) => run(options, process.env, version()))))

program.addCommand(benchCommand(end, process.env))
program.addCommand(evaluateCommand(end, process.env))
program.addCommand(backtestCommand(end, process.env))

process.on('uncaughtException', (error) => process.exit(complain(error)))
process.on('unhandledRejection', (error) => process.exit(complain(error)))
// Started by the launcher on an older Node: when that one dies, this one must not live on unseen.
if (process.channel !== undefined) {
  process.on('disconnect', () => process.exit(1))
  process.channel?.unref()
}
await program.parseAsync()
