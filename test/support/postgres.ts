/** A PostgreSQL for the tests of a file, with a fresh database for each that asks: TEST_DATABASE_URL's server, else one of our own. */
import { after, before } from 'node:test'
import pg from 'pg'
import { silentEvents } from '../../src/events.ts'
import type { DatabaseOptions } from '../../src/postgres/connection.ts'
import { startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { migrate } from '../../src/postgres/migrate.ts'

/** What pg's own client takes, too. */
export type PlainDatabase = DatabaseOptions & { readonly password: string; readonly ssl: false }

export interface TestDatabase {
  readonly options: PlainDatabase
  /** For looking: a connection of its own. */
  readonly client: pg.Client
}

export interface TestServer {
  /** An empty database, dropped when the tests around it end. */
  create(): Promise<TestDatabase>
}

interface OpenServer extends TestServer {
  close(): Promise<void>
}

async function openServer(): Promise<OpenServer> {
  const given = process.env['TEST_DATABASE_URL']
  const embedded = given === undefined ? await startEmbeddedPostgres({ durable: false }) : null
  const url = new URL(embedded?.url ?? given ?? '')
  const admin = new pg.Client({ connectionString: url.href })
  admin.on('error', () => undefined)
  await admin.connect()
  const made: { name: string; client: pg.Client }[] = []
  return {
    create: async () => {
      const name = `insighthub_test_${process.pid}_${Date.now().toString(36)}_${made.length}`
      await admin.query(`create database ${name}`)
      const options: PlainDatabase = {
        host: decodeURIComponent(url.hostname),
        port: Number(url.port || 5432),
        database: name,
        user: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password),
        ssl: false,
        applicationName: 'insighthub-processor test',
      }
      const client = new pg.Client(options)
      client.on('error', () => undefined)
      await client.connect()
      made.push({ name, client })
      return { options, client }
    },
    close: async () => {
      for (const { name, client } of made) {
        await client.end().catch(() => undefined)
        await admin.query(`drop database if exists ${name} with (force)`)
      }
      await admin.end()
      await embedded?.close()
    },
  }
}

/** Opens a server before the tests of the surrounding describe and closes it after them. */
export function withServer(): () => TestServer {
  let server: OpenServer | null = null
  before(async () => {
    server = await openServer()
  })
  after(async () => {
    await server?.close()
  })
  return () => {
    if (server === null) throw new Error('the server is open only while tests run')
    return server
  }
}

/** A database with the whole schema. */
export async function migratedDatabase(server: TestServer): Promise<TestDatabase> {
  const database = await server.create()
  await migrate({ database: database.options, events: silentEvents() })
  return database
}
