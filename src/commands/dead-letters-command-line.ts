/** The command line of `dead-letters`: its subcommands and their options. */
import { Command, type OptionValues } from '@commander-js/extra-typings'
import { positive } from './number-arguments.ts'

type End = (work: Promise<number>) => Promise<never>

/** `end` takes a command's exit code. */
export function deadLettersCommand(end: End, env: NodeJS.ProcessEnv): Command {
  const letters = new Command('dead-letters').description('messages that could not be stored')
  addReading(letters, end, env)
  addReplay(letters, end, env)
  letters
    .command('edit')
    .description('write the bytes of one letter to a file, to be edited and replayed with --value')
    .argument('<position>', 'as dead-letters list prints it')
    .option('--output <file>', 'where to; a new file')
    .action((position, options) =>
      end(import('./dead-letters-export.ts').then(({ edit }) => edit(position, options, env))),
    )
  choosing(letters.command('discard'))
    .description('give letters up for good; they stay listed, with the reason')
    .argument('[positions...]', 'as dead-letters list prints them')
    .requiredOption('--why <text>', 'the reason, kept with each')
    .option('--erase', 'remove their bytes, too')
    .option('--all', 'all that are new')
    .action((positions, options) =>
      end(import('./dead-letters-export.ts').then(({ discard }) => discard(positions, options, env))),
    )
  choosing(letters.command('export'))
    .description('one JSON object a line, bytes included; what replay --input takes')
    .option('--output <file>', 'a new file, or - for standard output', '-')
    .option('--status <status>', 'only new, replayed or discarded ones')
    .action((options) =>
      end(import('./dead-letters-export.ts').then(({ exportLetters }) => exportLetters(options, env))),
    )
  return letters
}

/** The options that say which letters are meant, as `WhichLetters` has them; `--status` is not for commands that change new ones. */
function choosing<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  return command
    .option('--reason <reason>', 'only this reason')
    .option('--service <service>', 'only this service')
    .option('--fingerprint <fingerprint>', 'only this group')
    .option('--since <time>', 'only after this time (ISO 8601)')
    .option('--until <time>', 'only before this time (ISO 8601)')
}

function addReading(letters: Command, end: End, env: NodeJS.ProcessEnv): void {
  choosing(letters.command('list'))
    .description('newest first, with counts by reason')
    .option('--status <status>', 'only new, replayed or discarded ones')
    .option('--limit <n>', 'how many', positive, 20)
    .option('--json', 'as JSON')
    .action((options) => end(import('./dead-letters.ts').then(({ list }) => list(options, env))))
  choosing(letters.command('groups'))
    .description('by cause (reason and fingerprint), the largest first')
    .option('--status <status>', 'new, replayed or discarded ones', 'new')
    .option('--limit <n>', 'how many', positive, 20)
    .option('--json', 'as JSON')
    .action((options) => end(import('./dead-letters.ts').then(({ groups }) => groups(options, env))))
  letters
    .command('show')
    .description('one dead letter whole: topic/partition/offset, with /item for an element of an array')
    .argument('<position>', 'as dead-letters list prints it')
    .option('--json', 'as JSON')
    .action((position, options) => end(import('./dead-letters.ts').then(({ show }) => show(position, options, env))))
}

function addReplay(letters: Command, end: End, env: NodeJS.ProcessEnv): void {
  choosing(letters.command('replay'))
    .description('read letters again with the current code, or as edited, and store what they hold, exactly once')
    .argument('[positions...]', 'as dead-letters list prints them')
    .option('--dry-run', 'only say what would become of them')
    .option('--value <file>', 'a file that stands in for the value of the one position')
    .option('--input <file>', 'lines as export writes them, their values edited')
    .option('--rate <n>', 'letters a second', positive, 100)
    .option('--limit <n>', 'stop after so many', positive)
    .option('--all', 'all that are new')
    .option('--json', 'as JSON')
    .action((positions, options) =>
      end(import('./dead-letters-replay.ts').then(({ run }) => run(positions, options, env))),
    )
}
