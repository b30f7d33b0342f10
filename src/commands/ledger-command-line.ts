/** The command line of `ledger`. */
import { Command } from '@commander-js/extra-typings'

/** `end` takes a command's exit code. */
export function ledgerCommand(end: (work: Promise<number>) => Promise<never>, env: NodeJS.ProcessEnv): Command {
  const ledger = new Command('ledger').description('where each partition stands')
  ledger
    .command('resume')
    .description('go on with a log that is not the one that was read; all workers must be stopped')
    .argument('<partition=offset...>', 'the first offset that is new: a number, start or end of the log as it is now')
    .option('--json', 'as JSON')
    .action((positions, options) => end(import('./ledger-resume.ts').then(({ run }) => run(positions, options, env))))
  return ledger
}
