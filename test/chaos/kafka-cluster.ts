/** One or three Apache Kafka brokers, each reached by our workers through its own proxy, and by the generator and the checker directly. */
import { type ChildProcess, execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { bringJars, freePort, jars, launch } from '../support/real-kafka.ts'
import { TcpProxy } from './tcp-proxy.ts'

const run = promisify(execFile)

interface Broker {
  readonly id: number
  readonly folder: string
  readonly config: string
  /** For the generator and the checker. */
  readonly directPort: number
  readonly proxiedPort: number
  readonly proxy: TcpProxy
  child: ChildProcess
}

export class KafkaCluster {
  readonly brokers: readonly Broker[]

  private constructor(brokers: readonly Broker[]) {
    this.brokers = brokers
  }

  static async start(count: 1 | 3): Promise<KafkaCluster> {
    await bringJars()
    const cluster = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
    const controllers = await Promise.all(Array.from({ length: count }, () => freePort()))
    const voters = controllers.map((port, at) => `${at + 1}@127.0.0.1:${port}`).join(',')
    const brokers = await Promise.all(
      controllers.map(async (controller, at): Promise<Broker> => {
        const id = at + 1
        const folder = await scratchFolder(`chaos-kafka-${id}`)
        const [directPort, proxiedPort] = [await freePort(), await freePort()]
        const proxy = await TcpProxy.start(proxiedPort)
        const config = join(folder, 'server.properties')
        await writeFile(
          config,
          properties({ id, folder, controller, voters, directPort, proxiedPort, proxy: proxy.port, count }),
        )
        await run('java', [
          '-cp',
          `${jars}/*`,
          'kafka.tools.StorageTool',
          'format',
          `--cluster-id=${cluster}`,
          '-c',
          config,
        ])
        const child = await launch(config, folder, directPort)
        const broker = { id, folder, config, directPort, proxiedPort, proxy, child }
        process.once('exit', () => void broker.child.kill('SIGKILL'))
        return broker
      }),
    )
    return new KafkaCluster(brokers)
  }

  /** Through the proxies. */
  get proxied(): string {
    return this.brokers.map(({ proxy }) => `127.0.0.1:${proxy.port}`).join(',')
  }

  get direct(): string[] {
    return this.brokers.map(({ directPort }) => `127.0.0.1:${directPort}`)
  }

  heal(): void {
    for (const { proxy } of this.brokers) proxy.heal()
  }

  /** Killed without a word, and started again after so long. */
  async crash(broker: Broker, awayMs: number): Promise<void> {
    await end(broker.child)
    broker.proxy.cut()
    await new Promise((done) => setTimeout(done, awayMs))
    broker.child = await launch(broker.config, broker.folder, broker.directPort)
  }

  async close(): Promise<void> {
    for (const { child, folder, proxy } of this.brokers) {
      await end(child)
      await proxy.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Also where it has ended by itself, as one does that the kernel found too large. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

interface Setup {
  readonly id: number
  readonly folder: string
  readonly controller: number
  readonly voters: string
  readonly directPort: number
  readonly proxiedPort: number
  readonly proxy: number
  readonly count: number
}

function properties(setup: Setup): string {
  const { id, folder, controller, voters, directPort, proxiedPort, proxy, count } = setup
  const inSync = count === 3 ? 2 : 1
  return [
    'process.roles=broker,controller',
    `node.id=${id}`,
    `controller.quorum.voters=${voters}`,
    `listeners=DIRECT://127.0.0.1:${directPort},PROXIED://127.0.0.1:${proxiedPort},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=DIRECT://127.0.0.1:${directPort},PROXIED://127.0.0.1:${proxy}`,
    'listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=DIRECT',
    `log.dirs=${folder}/data`,
    `offsets.topic.replication.factor=${count}`,
    'offsets.topic.num.partitions=1',
    `transaction.state.log.replication.factor=${count}`,
    'transaction.state.log.num.partitions=1',
    `transaction.state.log.min.isr=${inSync}`,
    `default.replication.factor=${count}`,
    `min.insync.replicas=${inSync}`,
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'auto.create.topics.enable=false',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'broker.session.timeout.ms=6000',
    'log.retention.check.interval.ms=300000',
  ].join('\n')
}
