/** A schema for a guest: a proof, which must not touch the tables of the installation that it plays on. */
import type pg from 'pg'
import { messageOf, ProcessorError } from '../errors.ts'
import { close, connect, type DatabaseOptions } from './connection.ts'
import { asProcessorError } from './ledger.ts'

/** Answers the server's version. Rejects with POSTGRES_UNAVAILABLE, or POSTGRES_CONFIGURATION where the user may not. */
export async function createSchema(database: DatabaseOptions, schema: string): Promise<string> {
  const client = await connect(database).catch((error: unknown) => {
    throw asProcessorError(error)
  })
  try {
    await client.query(`create schema ${schema}`)
    await reachTimescale(client, schema)
    return (
      (await client.query<{ version: string }>(`select current_setting('server_version') as version`)).rows[0]
        ?.version ?? ''
    )
  } catch (error) {
    const text = `the schema ${schema} could not be made: ${messageOf(error)}; the user needs CREATE on the database`
    throw new ProcessorError('POSTGRES_CONFIGURATION', text, { cause: error })
  } finally {
    await close(client)
  }
}

/**
 * The proof's schema is the only one that its workers look into, so that no name can ever mean a table of the installation. Of
 * TimescaleDB, where it is installed, they need one function.
 */
async function reachTimescale(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ home: string }>(
    `select quote_ident(n.nspname) as home
       from pg_extension e
       join pg_namespace n on n.oid = e.extnamespace
      where e.extname = 'timescaledb'`,
  )
  const home = rows[0]?.home
  if (home === undefined) return
  await client.query(`
    create function ${schema}.create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval, create_default_indexes boolean)
    returns void language sql as $$
      select ${home}.create_hypertable(relation, time_column_name, chunk_time_interval => chunk_time_interval, create_default_indexes => create_default_indexes)
    $$`)
}

/** With everything in it. */
export async function dropSchema(database: DatabaseOptions, schema: string): Promise<void> {
  const client = await connect(database)
  try {
    await client.query(`drop schema if exists ${schema} cascade`)
  } finally {
    await close(client)
  }
}
