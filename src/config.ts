/**
 * The environment, read once and checked as a whole: every mistake is reported, with the value found and what was expected.
 * Each setting can also come from a file, by its name with `_FILE` behind it.
 */
import { readFileSync } from 'node:fs'
import { kafkaSecurityMistakes, kafkaSecurityOf } from './config/kafka-security.ts'
import type { Setting } from './config/setting.ts'
import { SETTINGS, type SettingName } from './config/settings.ts'
import { type Credential, withoutLineEnd } from './credential.ts'
import { messageOf, ProcessorError } from './errors.ts'
import type { ConnectionSecurity } from './kafka/connection-security.ts'

export interface Config {
  readonly kafka: {
    readonly brokers: readonly string[]
    readonly topic: string
    readonly groupId: string
    readonly start: 'latest' | 'earliest'
    readonly sessionTimeoutMs: number
    readonly heartbeatIntervalMs: number
    readonly security: ConnectionSecurity
  }
  readonly database: {
    readonly url: string | undefined
    /** The same, as it is now. */
    readonly urlSource: Credential | undefined
    readonly host: string
    readonly port: number
    readonly name: string
    readonly user: string
    readonly password: Credential
    readonly sslMode: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full' | undefined
    readonly sslRootCert: string | undefined
    readonly poolSize: number
    readonly migrate: boolean
    readonly schema: string | undefined
    readonly namespace: string
  }
  readonly http: { readonly host: string; readonly port: number }
  readonly console: { readonly format: 'text' | 'json'; readonly logsPerSecondMax: number }
  /** undefined: as many as the machine has cores, less one. */
  readonly workers: number | undefined
  readonly scoring: {
    readonly mlEngineUrl: URL | undefined
    readonly mlEngineTimeoutMs: number
    readonly mlEngineLinkLocal: boolean
    readonly fallback: 'model' | 'rules'
    readonly mlEnginePort: number
    readonly mlEngineToken: string | undefined
    readonly mlEngineStateFile: string | undefined
    readonly mlEngineStateIntervalMs: number
    readonly profile: 'logs' | 'metrics'
    readonly threshold: number
    readonly budgetPerDay: number | undefined
    readonly budgetPerServiceDay: number | undefined
    readonly servicesMax: number
  }
  readonly limits: {
    readonly batchRowsMax: number
    readonly batchBytesMax: number
    readonly batchIntervalMs: number
    readonly ageTargetMs: number
    readonly memoryLimitMb: number
    readonly messageBytesMax: number
    readonly itemsMax: number
    readonly textBytesMax: number
    readonly deadLetterBytesMax: number
    readonly deadLetterDaysMax: number
    readonly deadLetterTableMbMax: number
    readonly timestampMaxAgeDays: number
    readonly stopTimeoutMs: number
  }
}

/** Names that look like ours but are none of ours are probably typing mistakes; ANOMALY_DATA is the tests'. */
const OUR_PREFIXES = /^(INSIGHTHUB|KAFKA|DB|ML_ENGINE|ANOMALY(?!_DATA$)|BATCH|DEAD_LETTER)_/

/**
 * What Kubernetes and Docker's links put into the environment of every process, for a service named kafka, db or ml-engine:
 * ML_ENGINE_PORT=tcp://10.0.0.7:5000, ML_ENGINE_SERVICE_HOST, ML_ENGINE_PORT_5000_TCP_ADDR ... Nobody set these.
 */
const LINK_NAME = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$/
const LINK_ADDRESS = /^(tcp|udp):\/\/[^/]+$/

/** In an address that should have none. */
const CREDENTIALS = /\/\/[^/@]*@/

class Reader {
  readonly mistakes: string[] = []
  readonly warnings: string[] = []
  readonly #env: NodeJS.ProcessEnv
  readonly #files = new Map<string, string>()
  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env
  }

  read<Name extends SettingName>(name: Name): unknown {
    const setting: Setting = SETTINGS[name]
    const found = this.#text(name)
    const value = found ?? setting.default
    if (value === undefined) return undefined
    const parsed = setting.schema.safeParse(value)
    if (parsed.success) return parsed.data
    const shown = setting.secret === true ? '(not shown)' : JSON.stringify(value.replace(CREDENTIALS, '//***@'))
    this.mistakes.push(`${name}=${shown}: expected ${setting.expected}`)
    return undefined
  }

  /** What `read` answered as text, and will again, unless it comes from a file that is replaced. */
  credential(name: SettingName, value: unknown): Credential | undefined {
    const file = this.#files.get(name)
    if (typeof value !== 'string') return undefined
    return file === undefined ? { kind: 'value', name, value } : { kind: 'file', name: `${name}_FILE`, file }
  }

  /** An empty variable counts as unset: that is how compose files pass one on. */
  #text(name: string): string | undefined {
    const file = this.#env[`${name}_FILE`]
    const value = isLink(name, this.#env[name]) ? undefined : this.#env[name]
    if (value !== undefined && value !== '') {
      if (file !== undefined && file !== '') this.warnings.push(`${name} is set, so ${name}_FILE is not read`)
      return value
    }
    if (file === undefined || file === '') return undefined
    try {
      this.#files.set(name, file)
      return withoutLineEnd(readFileSync(file, 'utf8'))
    } catch (error) {
      this.mistakes.push(`${name}_FILE=${JSON.stringify(file)}: ${messageOf(error)}`)
      return undefined
    }
  }
}

/** Throws CONFIG_INVALID with every mistake; warnings are for names that nobody reads. */
export function loadConfig(env: NodeJS.ProcessEnv): { config: Config; warnings: string[] } {
  const reader = new Reader(env)
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(SETTINGS)) if (isSetting(name)) values[name] = reader.read(name)
  checkTogether(values, reader.mistakes)
  if (reader.mistakes.length > 0) throw new ProcessorError('CONFIG_INVALID', reader.mistakes.join('\n'))
  const credential = (name: SettingName): Credential | undefined => reader.credential(name, values[name])
  const warnings = [...reader.warnings, ...insecure(values), ...unknownNames(env)]
  return { config: configOf(values, credential), warnings }
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name)
}

function checkTogether(values: Readonly<Record<string, unknown>>, mistakes: string[]): void {
  const session = values['KAFKA_SESSION_TIMEOUT_MS']
  const heartbeat = values['KAFKA_HEARTBEAT_INTERVAL_MS']
  if (typeof session === 'number' && typeof heartbeat === 'number' && heartbeat * 3 > session) {
    mistakes.push(
      `KAFKA_HEARTBEAT_INTERVAL_MS="${heartbeat}": expected at most a third of KAFKA_SESSION_TIMEOUT_MS (${session})`,
    )
  }
  mistakes.push(...kafkaSecurityMistakes(values))
}

function insecure(values: Readonly<Record<string, unknown>>): string[] {
  if (values['KAFKA_TLS_INSECURE'] !== true) return []
  return ['KAFKA_TLS_INSECURE=true: whoever answers in place of a Kafka broker is believed and told the password']
}

/** The one place where parsed values get their types back; the table above it is what makes them true. */
function configOf(
  v: Readonly<Record<string, unknown>>,
  credential: (name: SettingName) => Credential | undefined,
): Config {
  const get = <T>(name: SettingName): T => v[name] as T
  return Object.freeze({
    kafka: {
      brokers: get<string[]>('KAFKA_BROKER'),
      topic: get<string>('KAFKA_TOPIC'),
      groupId: get<string>('KAFKA_GROUP_ID'),
      start: get<Config['kafka']['start']>('KAFKA_START'),
      sessionTimeoutMs: get<number>('KAFKA_SESSION_TIMEOUT_MS'),
      heartbeatIntervalMs: get<number>('KAFKA_HEARTBEAT_INTERVAL_MS'),
      security: kafkaSecurityOf(v, credential),
    },
    database: {
      url: get<string | undefined>('DATABASE_URL'),
      urlSource: credential('DATABASE_URL'),
      host: get<string>('DB_HOST'),
      port: get<number>('DB_PORT'),
      name: get<string>('DB_NAME'),
      user: get<string>('DB_USER'),
      password: credential('DB_PASSWORD') ?? { kind: 'value', name: 'DB_PASSWORD', value: '' },
      sslMode: get<Config['database']['sslMode']>('DB_SSLMODE'),
      sslRootCert: get<string | undefined>('DB_SSLROOTCERT'),
      poolSize: get<number>('DB_POOL_SIZE'),
      migrate: get<boolean>('DB_MIGRATE'),
      schema: get<string | undefined>('DB_SCHEMA'),
      namespace: get<string>('INSIGHTHUB_NAMESPACE'),
    },
    http: { host: get<string>('HTTP_HOST'), port: get<number>('HTTP_PORT') },
    console: {
      format: get<'text' | 'json'>('LOG_FORMAT'),
      logsPerSecondMax: get<number>('CONSOLE_LOGS_PER_SECOND_MAX'),
    },
    workers: get<number | undefined>('WORKERS'),
    scoring: {
      mlEngineUrl: get<URL | undefined>('ML_ENGINE_URL'),
      mlEngineTimeoutMs: get<number>('ML_ENGINE_TIMEOUT_MS'),
      mlEngineLinkLocal: get<boolean>('ML_ENGINE_LINK_LOCAL'),
      fallback: get<'model' | 'rules'>('SCORER_FALLBACK'),
      mlEnginePort: get<number>('ML_ENGINE_PORT'),
      mlEngineToken: get<string | undefined>('ML_ENGINE_TOKEN'),
      mlEngineStateFile: get<string | undefined>('ML_ENGINE_STATE_FILE'),
      mlEngineStateIntervalMs: get<number>('ML_ENGINE_STATE_INTERVAL_MS'),
      profile: get<Config['scoring']['profile']>('ANOMALY_PROFILE'),
      threshold: get<number>('ANOMALY_THRESHOLD'),
      budgetPerDay: get<number | undefined>('ANOMALY_BUDGET_PER_DAY'),
      budgetPerServiceDay: get<number | undefined>('ANOMALY_BUDGET_PER_SERVICE_DAY'),
      servicesMax: get<number>('SERVICES_MAX'),
    },
    limits: {
      batchRowsMax: get<number>('BATCH_ROWS_MAX'),
      batchBytesMax: get<number>('BATCH_BYTES_MAX'),
      batchIntervalMs: get<number>('BATCH_INTERVAL_MS'),
      ageTargetMs: get<number>('AGE_P99_TARGET_MS'),
      memoryLimitMb: get<number>('MEMORY_LIMIT_MB'),
      messageBytesMax: get<number>('MESSAGE_BYTES_MAX'),
      itemsMax: get<number>('ITEMS_MAX'),
      textBytesMax: get<number>('TEXT_BYTES_MAX'),
      deadLetterBytesMax: get<number>('DEAD_LETTER_BYTES_MAX'),
      deadLetterDaysMax: get<number>('DEAD_LETTER_DAYS_MAX'),
      deadLetterTableMbMax: get<number>('DEAD_LETTER_TABLE_MB_MAX'),
      timestampMaxAgeDays: get<number>('TIMESTAMP_MAX_AGE_DAYS'),
      stopTimeoutMs: get<number>('STOP_TIMEOUT_MS'),
    },
  })
}

function isLink(name: string, value: string | undefined): boolean {
  return value !== undefined && name.endsWith('_PORT') && LINK_ADDRESS.test(value)
}

function unknownNames(env: NodeJS.ProcessEnv): string[] {
  const known = Object.keys(SETTINGS)
  return Object.keys(env)
    .filter((name) => OUR_PREFIXES.test(name) && !LINK_NAME.test(name))
    .filter((name) => !isSetting(name) && !isSetting(name.replace(/_FILE$/, '')))
    .map((name) => {
      const nearest = known.reduce((best, each) => (distance(name, each) < distance(name, best) ? each : best))
      return `${name} is not a setting; the nearest is ${nearest}`
    })
}

/** Levenshtein's, over short names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
