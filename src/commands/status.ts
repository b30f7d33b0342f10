/** `status`: what /status of a running worker says, as a table. */
import { loadConfig } from '../config.ts'
import { messageOf, ProcessorError } from '../errors.ts'
import { reachable } from '../http/listening.ts'

export interface StatusOptions {
  readonly url?: string | undefined
  readonly json?: true | undefined
}

/** The body of /status, made by process.ts. */
export interface Status {
  readonly version: string
  readonly guarantee: string
  readonly ready: boolean
  readonly missing: readonly string[]
  /** What is not as it should be, though it is ready; absent with an older worker. */
  readonly degraded?: readonly string[]
  readonly topic: string
  /** 0 while the topic is not known. */
  readonly topic_partitions: number
  readonly group: string
  readonly generation: number
  readonly member: string
  readonly store: string
  /** How Kafka is spoken to; absent where no worker answers. */
  readonly kafka?: {
    /** As Kafka's `security.protocol`. */
    readonly protocol: string
    readonly mechanism: string | null
    /** false: KAFKA_TLS_INSECURE. null: there are none in plain text. */
    readonly certificates_checked: boolean | null
  }
  readonly buffered_bytes: number
  /** null where no ML_ENGINE_URL is set. */
  readonly ml_engine: {
    readonly url: string
    readonly breaker: string
    readonly asks: string
    readonly fallback_share: number | null
  } | null
  /** What batches are now: their size and wait follow how long they take to be stored; absent where no worker answers. */
  readonly batching?: {
    readonly rows_max: number
    readonly interval_ms: number
    readonly stored_in_ms: number
    readonly catching_up: boolean
  }
  readonly partitions: readonly {
    readonly partition: number
    readonly state: string
    readonly epoch: number
    readonly next_offset: number
    readonly end_offset: number
    readonly lag_records: number
    readonly lag_seconds: number
    /** Why the partition is not read; null, or absent with an older worker, where it is. */
    readonly suspended?: string | null
  }[]
  /** Of each worker, over its last whole window: at least a minute and 2,000 logs. */
  readonly scores: readonly {
    /** discriminating is as it should be; constant, all_high and all_low are not; unknown before the first window. */
    readonly state: string
    /** Score by quantile; null before the first window. */
    readonly quantiles: Readonly<Record<string, number>> | null
    /** Population stability index against earlier windows. */
    readonly drift: number | null
    readonly anomaly_share: number
    readonly fallback_share: number
    readonly services: number
    readonly warm_services: number
  }[]
  /** Only where several workers share one port. */
  readonly workers?: readonly {
    readonly worker: number
    readonly pid: number | null
    readonly ready: boolean
    readonly restarts: number
  }[]
}

export async function run(options: StatusOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { http } = loadConfig(env).config
  const address = options.url ?? `http://${reachable(http.host)}:${http.port}`
  const status = await ask(address)
  process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : statusTable(status))
  return status.ready ? 0 : 1
}

/** Rejects with INPUT where no worker answers there. */
async function ask(address: string): Promise<Status> {
  let status: unknown
  try {
    const answer = await fetch(new URL('/status', address), { signal: AbortSignal.timeout(5_000) })
    status = answer.ok ? await answer.json() : null
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const text = `No worker answers on ${address}: ${messageOf(cause)}; name another address with --url, or set HTTP_HOST and HTTP_PORT as the worker has them`
    throw new ProcessorError('INPUT', text, { cause: error })
  }
  if (isStatus(status)) return status
  throw new ProcessorError('INPUT', `What answers on ${address} is no worker: name a worker's address with --url`)
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'guarantee' in value && 'partitions' in value
}

/** For people. */
export function statusTable(status: Status): string {
  const lines = [
    `${status.ready ? '✓ ready' : `✗ not ready: ${status.missing.join(', ')}`}   version ${status.version}`,
    ...(status.degraded ?? []).map((what) => `degraded    ${what}`),
    `guarantee   ${status.guarantee}`,
    `topic       ${status.topic}   group ${status.group}   generation ${status.generation}`,
    ...kafkaLine(status),
    `store       ${status.store}   buffered ${status.buffered_bytes} bytes`,
    ...engineLine(status),
    ...batchingLine(status),
    ...(status.workers ?? []).map(
      ({ worker, pid, ready, restarts }) =>
        `worker ${worker}    ${pid === null ? 'not running' : `pid ${pid}`}   ${ready ? 'ready' : 'not ready'}   restarts ${restarts}`,
    ),
    ...status.scores.map(scoreLine),
    '',
    'partition  state            epoch      stored up to         log end     lag   lag s',
  ]
  for (const each of status.partitions) {
    // Of a log that is another one it is not known how far behind it is.
    const known = (text: string): string => ((each.suspended ?? null) === null ? text : '-')
    lines.push(
      [
        String(each.partition).padStart(9),
        ` ${each.state.padEnd(10)}`,
        String(each.epoch).padStart(11),
        String(each.next_offset).padStart(17),
        known(String(each.end_offset)).padStart(15),
        known(String(each.lag_records)).padStart(7),
        known(each.lag_seconds.toFixed(1)).padStart(7),
      ].join(' '),
    )
  }
  return `${lines.join('\n')}\n`
}

function kafkaLine({ kafka }: Status): string[] {
  if (kafka === undefined) return []
  const { protocol, mechanism, certificates_checked: checked } = kafka
  const parts = [
    protocol,
    ...(mechanism === null ? [] : [mechanism]),
    ...(checked === false ? ['certificates NOT checked (KAFKA_TLS_INSECURE)'] : []),
  ]
  return [`kafka       ${parts.join('   ')}`]
}

function scoreLine({ state, quantiles, drift, ...of }: Status['scores'][number]): string {
  const spread = Object.entries(quantiles ?? {}).map(([quantile, score]) => `q${quantile} ${score.toFixed(2)}`)
  const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`
  // Shares are of the last whole window, and there was none.
  const noWindow = state === 'unknown' && of.anomaly_share === 0 && of.fallback_share === 0
  const parts = [
    state,
    ...spread,
    ...(drift === null ? [] : [`drift ${drift.toFixed(2)}`]),
    ...(noWindow
      ? ['(known after a minute and 2,000 logs)']
      : [`anomalies ${percent(of.anomaly_share)}`, `fallback ${percent(of.fallback_share)}`]),
    `services ${of.services}, warm ${of.warm_services}`,
  ]
  return `scores      ${parts.join('   ')}`
}

function engineLine({ ml_engine: engine }: Status): string[] {
  if (engine === null) return []
  const share =
    engine.fallback_share === null ? 'not asked yet' : `${(engine.fallback_share * 100).toFixed(1)} % judged here`
  return [`ml engine   ${engine.url}   breaker ${engine.breaker}   ${share}`]
}

function batchingLine({ batching }: Status): string[] {
  if (batching === undefined) return []
  const { rows_max, interval_ms, stored_in_ms, catching_up } = batching
  const mode = catching_up ? '   catching up' : ''
  return [`batches     up to ${rows_max} rows or ${interval_ms} ms, stored in ${stored_in_ms} ms${mode}`]
}
