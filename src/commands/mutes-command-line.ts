/** The command line of `mutes`: its subcommands and their options. */
import { Command, InvalidArgumentError } from '@commander-js/extra-typings'

function muteId(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('expected an id as mutes list prints it')
  return value
}

/** `end` takes a command's exit code. */
export function mutesCommand(end: (work: Promise<number>) => Promise<never>, env: NodeJS.ProcessEnv): Command {
  const mutes = new Command('mutes').description(
    'logs and service alerts that are stored, but that nobody is told of, for a while',
  )
  mutes
    .command('add')
    .description('mute a service, a kind of message, or a kind of message of a service')
    .option('--service <name>', 'this service; without --template the alerts on it, too')
    .option('--template <id>', 'this kind of message: template_id of an explanation')
    .option('--for <time>', 'so long: 30m, 12h, 7d')
    .option('--until <time>', 'or until this time (ISO 8601)')
    .option('--from <time>', 'from this time on (ISO 8601); by default a minute from now')
    .requiredOption('--why <text>', 'the reason, for whoever finds it later')
    .option('--json', 'as JSON')
    .action((options) => end(import('./mutes.ts').then(({ add }) => add(options, env))))
  mutes
    .command('list')
    .description('those that are or will be in force')
    .option('--ended', 'and those that ended')
    .option('--json', 'as JSON')
    .action((options) => end(import('./mutes.ts').then(({ list }) => list(options, env))))
  mutes
    .command('remove')
    .description('end a mute, a minute from now')
    .argument('<id>', 'as mutes list prints it', muteId)
    .option('--json', 'as JSON')
    .action((id, options) => end(import('./mutes.ts').then(({ remove }) => remove(id, options, env))))
  return mutes
}
