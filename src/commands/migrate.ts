/** `migrate`: brings the schema up to date, and does what a take-over leaves to the operator when asked. */
import { loadConfig } from '../config.ts'
import { silentEvents } from '../events.ts'
import { migrate } from '../postgres/migrate.ts'
import { databaseOptions } from './database.ts'

export interface MigrateCommandOptions {
  readonly indexes?: true | undefined
  readonly hypertable?: true | undefined
}

export async function run(options: MigrateCommandOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { config } = loadConfig(env)
  const events = silentEvents({
    migrationApplied: ({ version, name }) => void process.stdout.write(`✓ Migration ${version} (${name})\n`),
    warning: (text) => void process.stdout.write(`  ${text}\n`),
  })
  const applied = await migrate({
    database: databaseOptions(config, 'migrate'),
    events,
    indexes: options.indexes === true,
    hypertable: options.hypertable === true,
  })
  process.stdout.write(
    applied.length === 0 ? '✓ The schema is up to date\n' : `✓ ${applied.length} migrations applied\n`,
  )
  return 0
}
