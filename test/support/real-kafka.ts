/**
 * A real Apache Kafka broker (KRaft, one node) on free ports of the loopback interface, its jars brought from Maven Central
 * once into .cache/. TEST_KAFKA_BROKERS names a running one instead. `node test/support/real-kafka.ts` runs one by hand.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { scratchFolder } from '../../src/scratch-folder.ts'

export const KAFKA_VERSION = '4.3.1'
const root = resolve(import.meta.dirname, '../..')
export const jars = join(root, '.cache', `kafka-${KAFKA_VERSION}`)
const run = promisify(execFile)

export interface RealKafka {
  readonly address: string
  /** Runs one of Kafka's own command line tools by class name and answers what it printed. */
  tool(mainClass: string, args: readonly string[], input?: string): Promise<string>
  kill(signal: NodeJS.Signals): void
  /** Starts the same broker again, same port and data. */
  start(): Promise<void>
  close(): Promise<void>
}

/** Why no real Kafka can be had here, or null. */
export function realKafkaMissing(): string | null {
  const onPath = (command: string): boolean =>
    (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)))
  if (!onPath('java')) return 'java is not on PATH'
  if (!existsSync(jars) && !onPath('mvn')) return 'mvn is not on PATH'
  return null
}

export async function bringJars(): Promise<void> {
  if (existsSync(jars)) return
  await mkdir(join(root, '.cache'), { recursive: true })
  const partial = `${jars}.${process.pid}`
  const pom = join(import.meta.dirname, 'kafka', 'pom.xml')
  await run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`], {
    maxBuffer: 64 << 20,
  })
  await rename(partial, jars).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function properties(folder: string, port: number, controller: number): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${folder}/data`,
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.num.partitions=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'auto.create.topics.enable=false',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    // Streams of tests have times of their own, older than what Kafka keeps by default.
    'log.retention.ms=-1',
    'log.retention.check.interval.ms=1000',
  ].join('\n')
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** A busy machine takes minutes for what is a matter of seconds; a start that fails ends the process at once. */
const START_MS = 300_000

/** Resolves when the port answers; what Kafka says goes to kafka.log in the folder. */
export async function launch(config: string, folder: string, port: number): Promise<ChildProcess> {
  const log = join(folder, 'kafka.log')
  const output = openSync(log, 'a')
  const args = ['-Xmx768m', '-cp', `${jars}/*`, 'kafka.Kafka', config]
  const child = spawn('java', args, { cwd: folder, stdio: ['ignore', output, output] })
  closeSync(output)
  const failed = (what: string): Error => {
    child.kill('SIGKILL')
    return new Error(`${what}; its settings: ${config}\n${readFileSync(log, 'utf8').slice(-4_000)}`)
  }
  const deadline = performance.now() + START_MS
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw failed(`Kafka ended with ${child.exitCode}`)
    if (performance.now() > deadline) throw failed(`Kafka did not start in ${START_MS / 1000} s`)
    await new Promise((done) => setTimeout(done, 100))
  }
  return child
}

export async function startRealKafka(): Promise<RealKafka> {
  const given = process.env['TEST_KAFKA_BROKERS']
  await bringJars()
  const tool: RealKafka['tool'] = async (mainClass, args, input) => {
    const child = execFile('java', ['-Xmx256m', '-cp', `${jars}/*`, mainClass, ...args], { maxBuffer: 64 << 20 })
    let said = ''
    child.stdout?.on('data', (chunk) => {
      said += chunk
    })
    child.stderr?.on('data', (chunk) => {
      said += chunk
    })
    child.stdin?.end(input ?? '')
    await once(child, 'close')
    return said
  }
  if (given !== undefined) {
    const nothing = async (): Promise<void> => undefined
    return { address: given, tool, kill: () => undefined, start: nothing, close: nothing }
  }
  const folder = await scratchFolder('kafka')
  const [port, controller] = [await freePort(), await freePort()]
  const config = join(folder, 'server.properties')
  await writeFile(config, properties(folder, port, controller))
  const cluster = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  await run('java', ['-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format', `--cluster-id=${cluster}`, '-c', config])
  let child = await launch(config, folder, port)
  const stop = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', stop)
  return {
    address: `127.0.0.1:${port}`,
    tool,
    kill: (signal) => child.kill(signal),
    start: async () => {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      child = await launch(config, folder, port)
    },
    close: async () => {
      process.removeListener('exit', stop)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

if (import.meta.main) {
  const kafka = await startRealKafka()
  process.stdout.write(`${kafka.address}\n`)
  process.once('SIGINT', () => void kafka.close())
  process.once('SIGTERM', () => void kafka.close())
}
