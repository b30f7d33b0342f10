/**
 * Apache Kafka as it is run where it matters: TLS, SASL, certificates good and bad (each on a listener of its own), and an
 * authorizer that lets the user `logs` do only what SECURITY.md says it needs. The plain listener is the administrator's.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { Authority } from './certificates.ts'
import { bringJars, freePort, jars, launch } from './real-kafka.ts'

const run = promisify(execFile)
const LISTENERS = ['PLAINTEXT', 'SASL', 'MTLS', 'EXPIRED', 'OTHERHOST'] as const
export type Listener = (typeof LISTENERS)[number]

export const USER = 'logs'
/** How long a SCRAM session lasts; then the client must authenticate anew. */
export const SESSION_MS = 3_000
export const PASSWORD = 'first-password'

export interface SecuredKafka {
  readonly authority: Authority
  address(listener: Listener): string
  /** A client certificate by the brokers' authority. */
  readonly client: { readonly cert: string; readonly key: string }
  /** Sets the SCRAM-SHA-512 password of `logs`. */
  setPassword(password: string): Promise<void>
  /** READ and DESCRIBE on the topic, READ on the group: nothing else. */
  allow(topic: string, group: string): Promise<void>
  close(): Promise<void>
}

async function formatted(folder: string, config: string): Promise<void> {
  const cluster = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  const format = ['kafka.tools.StorageTool', 'format', `--cluster-id=${cluster}`, '-c', config]
  const user = `[name=${USER},password="${PASSWORD}"]`
  const scram = ['--add-scram', `SCRAM-SHA-512=${user}`]
  await run('java', ['-cp', `${jars}/*`, ...format, ...scram], { cwd: folder })
}

export async function startSecuredKafka(): Promise<SecuredKafka> {
  await bringJars()
  const folder = await scratchFolder('secured-kafka')
  const authority = await Authority.create()
  const names = 'DNS:localhost,IP:127.0.0.1'
  const good = await authority.issue('broker', { names })
  const expired = await authority.issue('expired', { names, days: 0 })
  const otherHost = await authority.issue('other-host', { names: 'DNS:kafka.example' })
  const client = await authority.issue('client', { names: 'DNS:client' })
  const ports = new Map<Listener, number>()
  for (const each of LISTENERS) ports.set(each, await freePort())
  const address = (listener: Listener): string => `localhost:${ports.get(listener)}`
  const controller = await freePort()
  const keystore = (listener: string, bundle: string): string[] => [
    `listener.name.${listener}.ssl.keystore.type=PEM`,
    `listener.name.${listener}.ssl.keystore.location=${bundle}`,
    `listener.name.${listener}.ssl.truststore.type=PEM`,
    `listener.name.${listener}.ssl.truststore.location=${authority.cert}`,
  ]
  const security = 'org.apache.kafka.common.security'
  const config = join(folder, 'server.properties')
  await writeFile(
    config,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      `listeners=${LISTENERS.map((each) => `${each}://127.0.0.1:${ports.get(each)}`).join(',')},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=${LISTENERS.map((each) => `${each}://${address(each)}`).join(',')}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL,EXPIRED:SSL,OTHERHOST:SSL,CONTROLLER:PLAINTEXT',
      'controller.listener.names=CONTROLLER',
      'inter.broker.listener.name=PLAINTEXT',
      ...keystore('sasl', good.bundle),
      ...keystore('mtls', good.bundle),
      'listener.name.mtls.ssl.client.auth=required',
      ...keystore('expired', expired.bundle),
      ...keystore('otherhost', otherHost.bundle),
      'listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER',
      `listener.name.sasl.scram-sha-512.sasl.jaas.config=${security}.scram.ScramLoginModule required;`,
      `listener.name.sasl.plain.sasl.jaas.config=${security}.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
      `listener.name.sasl.oauthbearer.sasl.jaas.config=${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      `listener.name.sasl.scram-sha-512.connections.max.reauth.ms=${SESSION_MS}`,
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS;User:CN=client',
      `log.dirs=${folder}/data`,
      'offsets.topic.replication.factor=1',
      'offsets.topic.num.partitions=1',
      'auto.create.topics.enable=false',
      'group.initial.rebalance.delay.ms=0',
      'group.min.session.timeout.ms=1000',
    ].join('\n'),
  )
  await formatted(folder, config)
  const child = await launch(config, folder, ports.get('PLAINTEXT') ?? 0)
  const stop = (): void => void child.kill('SIGKILL')
  process.once('exit', stop)
  const tool = async (mainClass: string, ...args: string[]): Promise<void> => {
    const server = ['--bootstrap-server', address('PLAINTEXT')]
    await run('java', ['-Xmx256m', '-cp', `${jars}/*`, mainClass, ...server, ...args])
  }
  return {
    authority,
    address,
    client,
    setPassword: (password) => {
      const change = ['--alter', '--add-config', `SCRAM-SHA-512=[password=${password}]`]
      return tool('kafka.admin.ConfigCommand', ...change, '--entity-type', 'users', '--entity-name', USER)
    },
    allow: async (topic, group) => {
      const principal = ['--add', '--allow-principal', `User:${USER}`]
      const onTopic = ['--operation', 'READ', '--operation', 'DESCRIBE', '--topic', topic]
      await tool('org.apache.kafka.tools.AclCommand', ...principal, ...onTopic)
      await tool('org.apache.kafka.tools.AclCommand', ...principal, '--operation', 'READ', '--group', group)
    },
    close: async () => {
      process.removeListener('exit', stop)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
      await authority.remove()
    },
  }
}
