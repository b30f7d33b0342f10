/** The command lines of `evaluate` and `backtest`. */
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { positive } from './number-arguments.ts'

type End = (work: Promise<number>) => Promise<never>

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('expected a number')
  return value
}

function seeds(text: string): number[] {
  return text.split(',').map((each) => {
    const seed = number(each)
    if (!Number.isSafeInteger(seed)) throw new InvalidArgumentError('expected whole numbers, separated by commas')
    return seed
  })
}

const SINCE = 'count logs from this time on (ISO 8601); the hours before only teach'

/** `end` takes a command's exit code. */
export function evaluateCommand(end: End, env: NodeJS.ProcessEnv): Command {
  const command = new Command('evaluate').description(
    'how good the scores are, on labelled sets or on logs of your own; updates docs/anomaly-detection.md with --write',
  )
  command
    .option('--data <folder>', 'a labelled set or a folder of them; by default ANOMALY_DATA')
    .addOption(
      new Option('--seeds <list>', 'seeds of generated replays, separated by commas')
        .argParser(seeds)
        .default([1, 2, 3], '1,2,3'),
    )
    .option('--python <command>', 'a Python with numpy for the generator of replays; by default python3')
    .option('--threads <n>', 'sets measured at the same time', positive, 2)
    .option('--table', 'the logs of the table instead, with --labels')
    .option('--topic [name]', 'the logs of a topic instead, with --labels; by default KAFKA_TOPIC')
    .option('--labels <file>', 'CSV: partition,offset,label or service,from,to,type')
    .option('--since <time>', SINCE)
    .option('--until <time>', 'count logs before this time')
    .option('--learn-hours <n>', 'hours before --since that only teach', number, 24)
    .option('--offsets <list>', 'of the topic: partition:from-to, separated by commas')
    .option('--write', 'update docs/anomaly-detection.md')
    .option('--json', 'as JSON')
    .action((options) => end(import('./evaluate.ts').then(({ run }) => run(options, env))))
  return command
}

export function backtestCommand(end: End, env: NodeJS.ProcessEnv): Command {
  const command = new Command('backtest').description(
    'what other settings would change, on stored rows or on the topic',
  )
  command
    .option('--table', 'judge the rows of the table once more')
    .option('--topic [name]', 'judge the logs of a topic once more; by default KAFKA_TOPIC')
    .option('--threshold <score>', 'short for --set ANOMALY_THRESHOLD=score')
    .addOption(new Option('--set <setting...>', 'NAME=VALUE, any setting of the scoring').default([], 'none'))
    .addOption(
      new Option('--against <what>', "the table's verdicts, or those of the settings as they are").choices([
        'stored',
        'settings',
      ] as const),
    )
    .option('--labels <file>', 'CSV: partition,offset,label or service,from,to,type')
    .option('--since <time>', SINCE)
    .option('--until <time>', 'count logs before this time')
    .option('--learn-hours <n>', 'hours before --since that only teach', number, 24)
    .option('--offsets <list>', 'of the topic: partition:from-to, separated by commas')
    .option('--json', 'as JSON')
    .action((options) => end(import('./backtest.ts').then(({ run }) => run(options, env))))
  return command
}
