/** The command line of `ledger`. */
import { Command } from '@commander-js/extra-typings'

/** `end` takes a command's exit code. */
export function ledgerCommand(end: (work: Promise<number>) => Promise<never>, env: NodeJS.ProcessEnv): Command {
  const ledger = new Command('ledger')
    .description('from where a partition goes on; where it stands is told by status and audit')
    // Narrower than usual, so that the long name of `resume` leaves room on 80 columns.
    .configureHelp({ minWidthToWrap: 20 })
  ledger
    .command('resume')
    .description('go on with a log that is not the one that was read; all workers must be stopped')
    .argument('<partition=offset...>', 'the first offset that is new: a number, start or end of the log as it is now')
    .option('--json', 'as JSON')
    .action((positions, options) => end(import('./ledger-resume.ts').then(({ run }) => run(positions, options, env))))
  return ledger
}
