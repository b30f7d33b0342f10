/** Databases of its own for a test file: on TEST_DATABASE_URL where it is set, else on a server started for the file. */
import { randomBytes } from 'node:crypto'
import { after, before } from 'node:test'
import pg from 'pg'
import { silentEvents } from '../../src/events.ts'
import type { DatabaseOptions } from '../../src/postgres/connection.ts'
import { parseDatabaseUrl } from '../../src/postgres/database-url.ts'
import { startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { migrate } from '../../src/postgres/migrate.ts'

export interface TestDatabase {
  readonly options: DatabaseOptions
  /** A connection of the test's own, ended with the database. */
  readonly client: pg.Client
}

export interface TestServer {
  /** An empty database, dropped at the end of the file. */
  create(): Promise<TestDatabase>
  close(): Promise<void>
}

async function openServer(): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL']
  const own = given === undefined ? await startEmbeddedPostgres({ durable: false }) : null
  const { sslMode: _, ...named } = parseDatabaseUrl(given ?? own?.url ?? '')
  const address = { host: 'localhost', port: 5432, user: 'postgres', database: 'postgres', password: undefined }
  const base: DatabaseOptions = { ...address, ...named, ssl: false, applicationName: 'insighthub-processor test' }
  const admin = new pg.Client(base)
  admin.on('error', () => undefined)
  await admin.connect()
  const made: TestDatabase[] = []
  return {
    async create() {
      const database = `test_${randomBytes(6).toString('hex')}`
      await admin.query(`create database ${database}`)
      const options = { ...base, database }
      const client = new pg.Client({ ...options, application_name: 'test' })
      client.on('error', () => undefined)
      await client.connect()
      const one = { options, client }
      made.push(one)
      return one
    },
    async close() {
      for (const { options, client } of made) {
        await client.end().catch(() => undefined)
        await admin.query(`drop database if exists ${options.database} with (force)`)
      }
      await admin.end()
      await own?.close()
    },
  }
}

/** Call inside `describe`; the server is there from `before` to `after`. */
export function withServer(): () => TestServer {
  let server: TestServer | null = null
  before(async () => {
    server = await openServer()
  })
  after(() => server?.close())
  return () => {
    if (server === null) throw new Error('the server is there only while tests run')
    return server
  }
}

export async function migratedDatabase(server: TestServer): Promise<TestDatabase> {
  const database = await server.create()
  await migrate({ database: database.options, events: silentEvents() })
  return database
}
