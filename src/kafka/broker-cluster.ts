/**
 * The brokers of one cluster as one user of them sees it: where each node lives, and its connections, one for each purpose
 * and node. Any broker that answers may tell the others' addresses.
 */
import { apiVersionsV0, metadataV12 } from '@platformatic/kafka'
import { type ErrorCode, messageOf, ProcessorError } from '../errors.ts'
import { type BrokerAddress, BrokerConnection, type ConnectionLimits } from './broker-connection.ts'
import { errorName } from './error-name.ts'

export interface ClusterOptions extends ConnectionLimits {
  /** host:port, host alone means port 9092, [v6]:port. */
  readonly brokers: readonly string[]
}

/** `fetch` holds long polls, so that nothing else waits behind them. */
export type Purpose = 'fetch' | 'other'

type Metadata = ReturnType<typeof metadataV12.parseResponse>

const FETCH_KEY = 1
/** What this program sends, by API key; Apache Kafka has had all of them since 3.1. */
const VERSIONS_NEEDED: readonly { readonly api: string; readonly key: number; readonly version: number }[] = [
  { api: 'Fetch', key: FETCH_KEY, version: 12 },
  { api: 'ListOffsets', key: 2, version: 7 },
  { api: 'Metadata', key: 3, version: 12 },
  { api: 'OffsetCommit', key: 8, version: 8 },
  { api: 'OffsetFetch', key: 9, version: 8 },
  { api: 'FindCoordinator', key: 10, version: 4 },
  { api: 'JoinGroup', key: 11, version: 7 },
]

/** Topic errors that no retry cures: invalid name, authorization. */
const REFUSALS: ReadonlySet<number> = new Set([17, 29, 30, 31])

export class BrokerCluster {
  readonly #options: ClusterOptions
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #connections = new Map<string, BrokerConnection>()
  #nodes: ReadonlyMap<number, BrokerAddress> = new Map()
  #lastGood: BrokerAddress | null = null
  #closed = false
  /** The newest version of Fetch that the broker offers. */
  fetchVersionMax = -1

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#bootstrap = options.brokers.map(parseAddress)
  }

  /** Makes sure that a broker answers and speaks the versions needed, else KAFKA_REFUSED. */
  async open(): Promise<void> {
    const versions = await this.anyBroker((connection) => connection.ask((to) => apiVersionsV0.api.async(to, '', '')))
    for (const { api, key, version } of VERSIONS_NEEDED) {
      const offered = versions.apiKeys.find((each) => each.apiKey === key)
      if (key === FETCH_KEY) this.fetchVersionMax = offered?.maxVersion ?? -1
      if (offered !== undefined && offered.minVersion <= version && version <= offered.maxVersion) continue
      const range = offered === undefined ? 'nothing' : `${offered.minVersion} to ${offered.maxVersion}`
      throw new ProcessorError('KAFKA_REFUSED', `${api} version ${version} is needed and the broker offers ${range}`)
    }
    try {
      await this.metadata([])
    } catch (error) {
      throw this.#orWantsSasl(error)
    }
  }

  /** A listener with SASL tells its versions to anybody, and ends the connection at the next question. */
  #orWantsSasl(error: unknown): unknown {
    const noSasl = (this.#options.security?.sasl ?? null) === null
    if (!(error instanceof ProcessorError) || error.code !== 'KAFKA_UNAVAILABLE' || !noSasl) return error
    const hint = 'it told its versions before; if that is always so, it wants KAFKA_SASL_MECHANISM'
    return new ProcessorError('KAFKA_UNAVAILABLE', `${error.message}; ${hint}`, { cause: error })
  }

  /** Metadata of these topics, from any broker that answers; never creates a topic. */
  async metadata(topics: string[]): Promise<Metadata> {
    const answer = await this.anyBroker((connection) =>
      connection.ask((to) => metadataV12.api.async(to, topics, false, false)),
    )
    for (const topic of answer.topics) throwIfRefused(topic.errorCode, `topic ${topic.name}`)
    if (answer.brokers.length > 0) {
      this.#nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    }
    return answer
  }

  /** The connection to a node, not necessarily open; KAFKA_UNAVAILABLE where the cluster has no such node. */
  async node(id: number, purpose: Purpose): Promise<BrokerConnection> {
    if (!this.#nodes.has(id)) await this.metadata([])
    const address = this.#nodes.get(id)
    if (address === undefined) throw new ProcessorError('KAFKA_UNAVAILABLE', `the cluster has no broker ${id} now`)
    return this.at(address, purpose)
  }

  at(address: BrokerAddress, purpose: Purpose): BrokerConnection {
    if (this.#closed) throw new ProcessorError('KAFKA_UNAVAILABLE', 'the connections to Kafka were closed')
    const key = `${purpose} ${keyOf(address)}`
    let connection = this.#connections.get(key)
    if (connection === undefined) {
      connection = new BrokerConnection(address, this.#options)
      this.#connections.set(key, connection)
    }
    return connection
  }

  /** The first answer, asking one broker after another, the last one that answered first. */
  async anyBroker<T>(ask: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    const candidates = new Map<string, BrokerAddress>()
    if (this.#lastGood !== null) candidates.set(keyOf(this.#lastGood), this.#lastGood)
    for (const address of this.#nodes.values()) candidates.set(keyOf(address), address)
    for (const address of this.#bootstrap) candidates.set(keyOf(address), address)
    const failures: string[] = []
    let code: ErrorCode = 'KAFKA_UNAVAILABLE'
    for (const address of candidates.values()) {
      try {
        const answer = await ask(this.at(address, 'other'))
        this.#lastGood = address
        return answer
      } catch (error) {
        if (error instanceof ProcessorError && error.code === 'KAFKA_REFUSED') throw error
        if (error instanceof ProcessorError && error.code === 'KAFKA_SECURITY') code = error.code
        failures.push(messageOf(error))
      }
    }
    const found = failures.join('; ')
    throw new ProcessorError(code, code === 'KAFKA_SECURITY' ? found : `no broker answers: ${found}`)
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }
}

/** KAFKA_REFUSED for the codes that say so, where an answer has no place for a code. */
export function throwIfRefused(errorCode: number, what: string): void {
  if (REFUSALS.has(errorCode)) throw new ProcessorError('KAFKA_REFUSED', `${what}: ${errorName(errorCode)}`)
}

function keyOf(address: BrokerAddress): string {
  return `${address.host}:${address.port}`
}

function parseAddress(text: string): BrokerAddress {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/.exec(text.trim())
  const host = match?.groups?.['six'] ?? match?.groups?.['name']
  const port = Number(match?.groups?.['port'] ?? 9092)
  if (host === undefined || port < 1 || port > 65535) {
    throw new ProcessorError('CONFIG_INVALID', `a broker's address is host:port, not ${JSON.stringify(text)}`)
  }
  return { host, port }
}
