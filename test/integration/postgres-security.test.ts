/** What each sslmode lets through on a real PostgreSQL, what is said where it does not, and what is read again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chown, copyFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import pg from 'pg'
import { databaseOptions } from '../../src/commands/database.ts'
import { loadConfig } from '../../src/config.ts'
import { close, connect, type DatabaseOptions } from '../../src/postgres/connection.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { Authority, type CertificateWish, opensslMissing } from '../support/certificates.ts'

type Env = Record<string, string>

const skip = opensslMissing() ?? false
if (skip !== false) process.stdout.write(`left out: PostgreSQL with TLS (${skip})\n`)

/** Whether the connection is encrypted. */
async function encrypted(options: DatabaseOptions): Promise<boolean> {
  const client = await connect(options)
  try {
    const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    return rows[0].ssl
  } finally {
    await close(client)
  }
}

describe('a PostgreSQL with TLS', { skip, timeout: 600_000 }, () => {
  let postgres: EmbeddedPostgres
  let authority: Authority
  let stranger: Authority
  let folder: string

  const sql = async (...statements: string[]): Promise<void> => {
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    for (const each of statements) await client.query(each)
    await client.end()
  }
  /** The server presents such a certificate from now on. */
  const present = async (wish: CertificateWish): Promise<void> => {
    const { cert, key } = await authority.issue('server', wish)
    const owner = await stat(postgres.dataFolder)
    for (const [from, to] of [
      [cert, 'test.crt'],
      [key, 'test.key'],
    ] as const) {
      const file = join(postgres.dataFolder, to)
      await copyFile(from, file)
      await chown(file, owner.uid, owner.gid)
    }
    const settings = { ssl: 'on', ssl_cert_file: 'test.crt', ssl_key_file: 'test.key' }
    await sql(...Object.entries(settings).map(([name, value]) => `alter system set ${name} = '${value}'`))
    await postgres.restart()
  }
  const options = (env: Env): DatabaseOptions => {
    const { port, password } = postgres
    const access = { DB_HOST: 'localhost', DB_PORT: String(port), DB_USER: 'postgres', DB_PASSWORD: password }
    return databaseOptions(loadConfig({ ...access, ...env }).config, 'test')
  }
  const ours = (mode: string): Env => ({ DB_SSLMODE: mode, DB_SSLROOTCERT: authority.cert })
  const VERIFYING = ['verify-ca', 'verify-full'] as const

  before(async () => {
    folder = await scratchFolder('postgres-security')
    authority = await Authority.create()
    stranger = await Authority.create()
    postgres = await startEmbeddedPostgres({ durable: false })
  })
  after(async () => {
    await postgres?.close()
    await authority?.remove()
    await stranger?.remove()
    await rm(folder, { recursive: true, force: true })
  })

  it('is not spoken to in plain text where TLS is asked for and the server has none', async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      await assert.rejects(encrypted(options(ours(mode))), /does not support SSL/)
    for (const mode of ['disable', 'allow', 'prefer'])
      assert.equal(await encrypted(options({ DB_SSLMODE: mode })), false, mode)
  })

  it('with a certificate for its name and its address is believed by both', async () => {
    await present({ names: 'DNS:localhost,IP:127.0.0.1' })
    for (const mode of ['require', ...VERIFYING]) assert.equal(await encrypted(options(ours(mode))), true, mode)
    assert.equal(await encrypted(options({ ...ours('verify-full'), DB_HOST: '127.0.0.1' })), true)
    assert.equal(await encrypted(options({ DB_SSLMODE: 'require' })), true)
    assert.equal(await encrypted(options({ DB_SSLMODE: 'disable' })), false)
    const { port, password } = postgres
    const url = `postgres://postgres:${password}@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=${authority.cert}`
    assert.equal(await encrypted(options({ DATABASE_URL: url })), true)
  })

  it('[F28] signed by a stranger is refused wherever an authority is named or asked for', async () => {
    const refusal = /nobody who is trusted signed the server's certificate .*DB_SSLROOTCERT/
    // `require` with an authority at hand verifies it, as libpq does.
    for (const mode of ['require', ...VERIFYING])
      await assert.rejects(encrypted(options({ DB_SSLMODE: mode, DB_SSLROOTCERT: stranger.cert })), refusal, mode)
    for (const mode of VERIFYING) await assert.rejects(encrypted(options({ DB_SSLMODE: mode })), refusal, mode)
  })

  it('[F28] with a certificate for another host is refused by verify-full alone', async () => {
    await present({ names: 'DNS:db.example' })
    for (const mode of ['require', 'verify-ca']) assert.equal(await encrypted(options(ours(mode))), true, mode)
    await assert.rejects(encrypted(options(ours('verify-full'))), /is for another host \(.*localhost.*db\.example/)
  })

  it('[F28] with an expired certificate is refused by all that look at it', async () => {
    await present({ names: 'DNS:localhost', days: 0 })
    for (const mode of ['require', ...VERIFYING])
      await assert.rejects(encrypted(options(ours(mode))), /certificate has expired/, mode)
    assert.equal(await encrypted(options({ DB_SSLMODE: 'require' })), true)
  })

  it('[F28] an authority and passwords that are replaced are used by the next connection', async () => {
    await present({ names: 'DNS:localhost' })
    const files = { root: join(folder, 'root.crt'), password: join(folder, 'password'), url: join(folder, 'url') }
    const url = (password: string): string => `postgres://postgres:${password}@localhost:${postgres.port}/postgres\n`
    await copyFile(stranger.cert, files.root)
    await writeFile(files.password, 'outdated\n')
    await writeFile(files.url, url('outdated'))
    const tls = { DB_SSLMODE: 'verify-full', DB_SSLROOTCERT: files.root }
    const byPassword = options({ ...tls, DB_PASSWORD: '', DB_PASSWORD_FILE: files.password })
    const byUrl = options({ ...tls, DATABASE_URL_FILE: files.url })
    for (const each of [byPassword, byUrl]) await assert.rejects(encrypted(each), /nobody who is trusted/)
    await copyFile(authority.cert, files.root)
    for (const each of [byPassword, byUrl]) await assert.rejects(encrypted(each), { code: '28P01' })
    await writeFile(files.password, `${postgres.password}\n`)
    await writeFile(files.url, url(postgres.password))
    for (const each of [byPassword, byUrl]) assert.equal(await encrypted(each), true)
    await rm(files.root)
    await assert.rejects(encrypted(byUrl), /DB_SSLROOTCERT=".*root.crt": .*no such file/)
  })

  it('with a root certificate that is not there is a wrong setting', () => {
    assert.throws(() => options({ DB_SSLMODE: 'verify-full', DB_SSLROOTCERT: join(folder, 'none') }), {
      code: 'CONFIG_INVALID',
      message: /^DB_SSLROOTCERT=.*no such file/,
    })
  })
})

test('a server that asks for the password in plain text over a network in plain text does not get it', async () => {
  let received = ''
  const sockets = new Set<Socket>()
  const sent = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])) // AuthenticationCleartextPassword
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1')
        if (received.includes('planted-secret')) sent.resolve()
      })
    })
  }).listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const options = {
    port: address.port,
    database: 'd',
    user: 'u',
    password: 'planted-secret',
    ssl: false as const,
    applicationName: 'test',
  }
  try {
    // 0.0.0.0 is this machine, too, but does not look like it.
    await assert.rejects(connect({ ...options, host: '0.0.0.0' }), /in plain text .* DB_SSLMODE=verify-full/)
    assert.ok(!received.includes('planted-secret'))
    // On the machine itself nobody listens in.
    const local = connect({ ...options, host: '127.0.0.1' })
    await Promise.race([sent.promise, local])
    for (const socket of sockets) socket.destroy()
    await assert.rejects(local)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})
