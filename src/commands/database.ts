/** The database's address out of the settings, for every command that opens it. */
import { readFileSync } from 'node:fs'
import type { Config } from '../config.ts'
import { type Credential, readCredential } from '../credential.ts'
import { messageOf, ProcessorError } from '../errors.ts'
import type { DatabaseOptions } from '../postgres/connection.ts'
import { parseDatabaseUrl, type SslMode, sslOptions } from '../postgres/database-url.ts'
import { isLocal } from '../postgres/local-host.ts'

/** Passwords and certificates out of files are read again for each connection. */
export function databaseOptions(config: Config, purpose: string): DatabaseOptions {
  const { database } = config
  const url = database.url === undefined ? {} : parseDatabaseUrl(database.url)
  const password = async (): Promise<string> => {
    const now = database.urlSource === undefined ? {} : parseDatabaseUrl(await readCredential(database.urlSource))
    return now.password ?? (await readCredential(database.password))
  }
  return {
    host: url.host ?? database.host,
    port: url.port ?? (database.url === undefined ? database.port : 5432),
    database: url.database ?? database.name,
    user: url.user ?? database.user,
    password,
    ssl: ssl(database.sslMode ?? url.sslMode ?? 'disable', database.sslRootCert ?? url.sslRootCert),
    applicationName: `insighthub-processor ${purpose}`,
    schema: database.schema,
  }
}

/** Throws CONFIG_INVALID where the certificate cannot be read now. */
function ssl(mode: SslMode, rootCert: string | undefined): DatabaseOptions['ssl'] {
  if (rootCert !== undefined) checkReadable(rootCert)
  if (sslOptions(mode, undefined) === false) return false
  if (rootCert === undefined) return async () => sslOptions(mode, undefined) || {}
  const authority: Credential = { kind: 'file', name: 'DB_SSLROOTCERT', file: rootCert }
  return async () => sslOptions(mode, await readCredential(authority)) || {}
}

function checkReadable(file: string): void {
  try {
    readFileSync(file)
  } catch (error) {
    throw new ProcessorError('CONFIG_INVALID', `DB_SSLROOTCERT=${file}: ${messageOf(error)}`, { cause: error })
  }
}

/** One line when passwords and logs travel in plain text to another machine. */
export function plainTextWarning({ host, ssl: encryption }: DatabaseOptions): string | null {
  if (encryption !== false || isLocal(host)) return null
  return `the connection to PostgreSQL on ${host} is not encrypted; set DB_SSLMODE=verify-full`
}
