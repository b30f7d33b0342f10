/** A primary with a streaming standby that can take its place, from the machine's own binaries; clients come through one proxy. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { systemBinaries } from '../../src/postgres/server-binaries.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { freePort } from '../support/real-kafka.ts'

const run = promisify(execFile)
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  fsync: 'off',
  wal_level: 'replica',
  hot_standby: 'on',
  wal_keep_size: '512MB',
  max_connections: '100',
}

export interface Node {
  readonly port: number
  readonly data: string
  child: ChildProcess
}

export class PostgresPair {
  readonly #bin: string
  readonly #folder: string
  primary: Node
  standby: Node | null = null

  private constructor(bin: string, folder: string, primary: Node) {
    this.#bin = bin
    this.#folder = folder
    this.primary = primary
  }

  static async start(): Promise<PostgresPair> {
    const bin = systemBinaries()
    if (bin === null) throw new Error('PostgreSQL is not installed')
    const folder = await ownFolder(await scratchFolder('chaos-pg'))
    const data = join(folder, 'node-1')
    await run(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      {
        ...NOBODY,
        cwd: folder,
      },
    )
    const port = await freePort()
    const pair = new PostgresPair(bin, folder, { port, data, child: await launch(bin, folder, data, port) })
    await pair.query('create database insighthub', 'postgres')
    await pair.query('create database reference', 'postgres')
    return pair
  }

  /** On the primary, past every proxy. */
  async query<R extends pg.QueryResultRow>(
    text: string,
    database = 'insighthub',
    values: unknown[] = [],
  ): Promise<R[]> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.primary.port,
      user: 'postgres',
      database,
      connectionTimeoutMillis: 30_000,
      query_timeout: 120_000,
    })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<R>(text, values)).rows
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  /** Ended without a checkpoint, as a crash would; a start recovers. */
  async crash(): Promise<void> {
    await end(this.primary.child, 'SIGQUIT')
  }

  async start(): Promise<void> {
    const { data, port } = this.primary
    this.primary.child = await launch(this.#bin, this.#folder, data, port)
  }

  /** A new standby of the present primary. */
  async addStandby(): Promise<void> {
    const data = join(this.#folder, `node-${Date.now()}`)
    await run(
      join(this.#bin, 'pg_basebackup'),
      [
        '-h',
        '127.0.0.1',
        '-p',
        String(this.primary.port),
        '-U',
        'postgres',
        '-D',
        data,
        '-R',
        '-X',
        'stream',
        '-c',
        'fast',
        '--no-sync',
      ],
      {
        ...NOBODY,
        cwd: this.#folder,
      },
    )
    const port = await freePort()
    this.standby = { port, data, child: await launch(this.#bin, this.#folder, data, port) }
  }

  /**
   * The standby stops receiving for so long, then the primary is gone and the standby takes its place: what was committed last is
   * lost to it. Answers the new primary's port.
   */
  async failover(lagMs: number): Promise<number> {
    const { standby } = this
    if (standby === null) throw new Error('there is no standby')
    const receiver = await this.#receiver(standby)
    if (receiver !== null) process.kill(receiver, 'SIGSTOP')
    await new Promise((done) => setTimeout(done, lagMs))
    await end(this.primary.child, 'SIGKILL')
    if (receiver !== null) process.kill(receiver, 'SIGKILL') // a crash of one backend restarts the server, with what it has
    const old = this.primary
    await answers(standby)
    await run(join(this.#bin, 'pg_ctl'), ['promote', '-D', standby.data, '-w', '-t', '30'], {
      ...NOBODY,
      cwd: this.#folder,
    })
    this.primary = standby
    this.standby = null
    await rm(old.data, { recursive: true, force: true })
    return standby.port
  }

  async close(): Promise<void> {
    for (const node of [this.primary, this.standby]) if (node !== null) await end(node.child, 'SIGKILL')
    await rm(dirname(this.#folder), { recursive: true, force: true })
  }

  async #receiver(standby: Node): Promise<number | null> {
    const { stdout } = await run('pgrep', ['-P', String(standby.child.pid), '-f', 'walreceiver']).catch(() => ({
      stdout: '',
    }))
    const pid = Number(stdout.trim().split('\n')[0])
    return pid > 0 ? pid : null
  }
}

/** A folder in the scratch folder for the user of the servers: the scratch folder itself stays its maker's. */
async function ownFolder(scratch: string): Promise<string> {
  const folder = join(scratch, 'run')
  await mkdir(folder)
  if (NOBODY !== null) {
    await chmod(scratch, 0o711)
    await chown(folder, NOBODY.uid, NOBODY.gid)
  }
  return folder
}

async function launch(bin: string, folder: string, data: string, port: number): Promise<ChildProcess> {
  const settings = { ...SETTINGS, port: String(port) }
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const child = spawn(join(bin, 'postgres'), args, { ...NOBODY, cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
  process.once('exit', () => void child.kill('SIGKILL'))
  await answers({ port, data, child })
  return child
}

async function answers({ port, child }: Node): Promise<void> {
  const deadline = performance.now() + 180_000
  for (;;) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
      connectionTimeoutMillis: 2_000,
    })
    client.on('error', () => undefined)
    const up = await client
      .connect()
      .then(() => client.query('select 1'))
      .then(
        () => true,
        () => false,
      )
    await client.end().catch(() => undefined)
    if (up) return
    if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`)
    if (performance.now() > deadline) throw new Error('postgres did not answer in 180 s')
    await new Promise((done) => setTimeout(done, 50))
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

/** PgBouncer in transaction mode in front of a port; null where it is not installed. */
export async function startBouncer(target: number): Promise<{
  port: number
  retarget(port: number): Promise<void>
  kill(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
} | null> {
  const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find((file) =>
    existsSync(file),
  )
  if (program === undefined) return null
  const scratch = await scratchFolder('chaos-bouncer')
  const folder = await ownFolder(scratch)
  const port = await freePort()
  const config = join(folder, 'pgbouncer.ini')
  const write = (server: number): Promise<void> =>
    writeFile(
      config,
      `[databases]\n* = host=127.0.0.1 port=${server}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}\nunix_socket_dir=\nauth_type=any\npool_mode=transaction\nmax_client_conn=200\ndefault_pool_size=20\nserver_login_retry=1\nlogfile=${join(folder, 'log')}\nignore_startup_parameters=extra_float_digits\n[users]\n`.replace(
        '* = host=127.0.0.1',
        '* = user=postgres host=127.0.0.1',
      ),
    )
  await write(target)
  const launchIt = (): ChildProcess => spawn(program, [config], { ...NOBODY, cwd: folder, stdio: 'ignore' })
  let child = launchIt()
  process.once('exit', () => child.kill('SIGKILL'))
  const kill = (): Promise<void> => end(child, 'SIGKILL')
  return {
    port,
    retarget: async (server) => {
      await write(server)
      child.kill('SIGHUP')
    },
    kill,
    start: async () => {
      child = launchIt()
    },
    close: async () => {
      await kill()
      await rm(scratch, { recursive: true, force: true })
    },
  }
}
