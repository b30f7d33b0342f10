/** The database's address out of the settings, for every command that opens it. */
import { readFileSync } from 'node:fs'
import type { Config } from '../config.ts'
import { messageOf, ProcessorError } from '../errors.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import { isLocal, parseDatabaseUrl, sslOptions } from '../postgres/database-url.ts'

export function databaseOptions(config: Config, purpose: string): DatabaseOptions {
  const { database } = config
  const url = database.url === undefined ? {} : parseDatabaseUrl(database.url)
  const host = url.host ?? database.host
  const mode = database.sslMode ?? url.sslMode ?? 'disable'
  return {
    host,
    port: url.port ?? (database.url === undefined ? database.port : 5432),
    database: url.database ?? database.name,
    user: url.user ?? database.user,
    password: url.password ?? database.password,
    ssl: sslOptions(mode, host, certificate(database.sslRootCert)),
    applicationName: `insighthub-processor ${purpose}`,
    schema: database.schema,
  }
}

function certificate(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ProcessorError('CONFIG_INVALID', `DB_SSLROOTCERT=${file}: ${messageOf(error)}`, { cause: error })
  }
}

/** One line when passwords and logs travel in plain text to another machine. */
export function plainTextWarning({ host, ssl }: DatabaseOptions): string | null {
  if (ssl !== false || isLocal(host)) return null
  return `the connection to PostgreSQL on ${host} is not encrypted; set DB_SSLMODE=verify-full`
}
