/** Starts and stops the broker, and is its operator's side: topics by function call instead of by request. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { ProcessorError } from '../../errors.ts'
import { serveConnection } from './connection.ts'
import type { Schedule } from './group.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import type { PartitionLog } from './partition-log.ts'
import type { World } from './served.ts'
import { type Topic, Topics } from './topics.ts'

export interface EmbeddedBrokerOptions {
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0: any free one. @default 0 */
  readonly port?: number
  /** Of record batches, over all partitions; beyond it the oldest are dropped. @default 1 GiB */
  readonly memoryBytesMax?: number
  readonly topics?: readonly { readonly name: string; readonly partitions: number }[]
  /** Partitions of a topic that a client asks for; 0 creates none. @default 1 */
  readonly autoCreatePartitions?: number
  readonly clusterId?: string
  readonly schedule?: Schedule
  readonly randomId?: () => string
}
export interface EmbeddedBrokerStats {
  readonly connections: number
  readonly topics: number
  readonly partitions: number
  readonly batches: number
  readonly bytes: number
  readonly groups: number
}
export interface EmbeddedBroker {
  readonly host: string
  readonly port: number
  /** host:port */
  readonly address: string
  createTopic(name: string, partitions: number): void
  deleteTopic(name: string): void
  /** Moves the log's start to offset `before`; -1: to its end. */
  deleteRecords(topic: string, partition: number, before: number): void
  /** Raises the number of partitions to `partitions`. */
  addPartitions(topic: string, partitions: number): void
  stats(): EmbeddedBrokerStats
  close(): Promise<void>
}

const MEMORY_BYTES_MAX = 2 ** 30

const byTimer: Schedule = (action, delayMs) => {
  const timer = setTimeout(action, delayMs)
  return () => clearTimeout(timer)
}

/** Rejects with EMBEDDED_START where it cannot listen or a topic cannot be made. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const schedule = options.schedule ?? byTimer
  const randomId = options.randomId ?? randomUUID
  const closing = new AbortController()
  const topics = new Topics({ memoryBytesMax: options.memoryBytesMax ?? MEMORY_BYTES_MAX, randomId })
  const groups = new GroupCoordinator({ schedule, randomId })
  const server = createServer()
  let producers = 0
  const world: World = {
    topics,
    groups,
    schedule,
    clusterId: options.clusterId ?? 'embedded',
    autoCreatePartitions: options.autoCreatePartitions ?? 1,
    address: () => addressOf(server),
    closing: closing.signal,
    nextProducerId: () => producers++,
    deleteTopic(topic) {
      topics.delete(topic)
      groups.forgetTopic(topic.name)
    },
  }
  for (const { name, partitions } of options.topics ?? []) create(topics, name, partitions)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void serveConnection(socket, world)
  })
  await listen(server, options.host ?? '127.0.0.1', options.port ?? 0)
  return operator(world, server, sockets, closing)
}

function operator(world: World, server: Server, sockets: Set<Socket>, closing: AbortController): EmbeddedBroker {
  const { topics, groups } = world
  const { host, port } = addressOf(server)
  return {
    host,
    port,
    address: `${host}:${port}`,
    createTopic: (name, partitions) => create(topics, name, partitions),
    deleteTopic: (name) => world.deleteTopic(existing(topics, name)),
    deleteRecords(topic, partition, before) {
      if (topics.deleteRecords(logOf(topics, topic, partition), before)) return
      throw new ProcessorError('INPUT', `Offset ${before} is outside ${topic}-${partition}`)
    },
    addPartitions(topic, partitions) {
      const errorCode = topics.grow(topic, partitions)
      if (errorCode !== 0) throw new ProcessorError('INPUT', `Topic ${topic}: Kafka error ${errorCode}`)
    },
    stats() {
      const all = topics.all()
      const logs = all.flatMap((topic) => topic.logs)
      return {
        connections: sockets.size,
        topics: all.length,
        partitions: logs.length,
        batches: logs.reduce((sum, log) => sum + log.batches, 0),
        bytes: topics.bytes,
        groups: groups.list().length,
      }
    },
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      groups.close()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function create(topics: Topics, name: string, partitions: number): void {
  const created = topics.create(name, partitions)
  if (typeof created !== 'number') return
  throw new ProcessorError('EMBEDDED_START', `Topic ${name} with ${partitions} partitions: Kafka error ${created}`)
}
function existing(topics: Topics, name: string): Topic {
  const topic = topics.named(name)
  if (topic === undefined) throw new ProcessorError('INPUT', `There is no topic ${name}`)
  return topic
}
function logOf(topics: Topics, name: string, partition: number): PartitionLog {
  const log = existing(topics, name).logs[partition]
  if (log === undefined) throw new ProcessorError('INPUT', `There is no partition ${partition} of topic ${name}`)
  return log
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    throw new ProcessorError('EMBEDDED_START', `The embedded broker cannot listen on ${host}:${port}`, { cause })
  }
}
function addressOf(server: Server): { readonly host: string; readonly port: number } {
  const address = server.address()
  if (address === null || typeof address === 'string') return { host: '127.0.0.1', port: 0 }
  return { host: address.address, port: address.port }
}
