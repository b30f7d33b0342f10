/** `produce`: sends the lines of a file or of standard input to the topic, one message a line, at a steady rate if asked. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../config.ts'
import { EX_INTERRUPTED } from '../errors.ts'
import { openProducer, type Producer } from '../kafka/producer.ts'
import type { ProducerMessage } from '../kafka/record-batch-writer.ts'
import { linesOf } from '../lines.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { counted } from './printable.ts'
import { onFirstSignal } from './stop-signals.ts'

export interface ProduceOptions {
  /** A file, gzipped or not, or `-`. */
  readonly input: string
  /** Messages a second; undefined: as fast as Kafka takes them. */
  readonly rate?: number | undefined
  /** Stop after so many. */
  readonly limit?: number | undefined
  readonly topic?: string | undefined
}

const MESSAGES_PER_SEND = 1_000
const BYTES_PER_SEND = 512 * 1024
/** A paced send covers this much time, so that a low rate still arrives evenly. */
const PACE_MS = 50
const IN_HAND_MS = 1_000

export interface Pace {
  readonly rate: number | undefined
  readonly clock: () => number
  /** Ends the sending after the messages in hand. */
  readonly signal?: AbortSignal
}

/** Sends messages in batches; with a rate, never ahead of it. Answers how many were sent. */
export async function sendAll(
  target: { producer: Pick<Producer, 'send'>; topic: string },
  messages: AsyncIterable<ProducerMessage> | Iterable<ProducerMessage>,
  pace: Pace,
  progress: (sent: number) => void = () => undefined,
): Promise<number> {
  const perSend =
    pace.rate === undefined
      ? MESSAGES_PER_SEND
      : Math.max(1, Math.min(MESSAGES_PER_SEND, Math.floor((pace.rate * PACE_MS) / 1000)))
  const startedMs = pace.clock()
  let sent = 0
  let bytes = 0
  let batch: ProducerMessage[] = []
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    if (pace.rate !== undefined) {
      const aheadMs = (sent / pace.rate) * 1000 - (pace.clock() - startedMs)
      if (aheadMs > 1) await sleep(aheadMs, undefined, { signal: pace.signal }).catch(() => undefined)
    }
    await target.producer.send(target.topic, batch)
    sent += batch.length
    progress(sent)
    batch = []
    bytes = 0
  }
  for await (const message of messages) {
    if (pace.signal?.aborted === true) return sent
    batch.push(message)
    bytes += message.value?.length ?? 0
    if (batch.length >= perSend || bytes >= BYTES_PER_SEND) await flush()
  }
  await flush()
  return sent
}

async function* messagesOf(options: ProduceOptions): AsyncGenerator<ProducerMessage> {
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for await (const value of linesOf(options.input)) {
    if (left-- <= 0) return
    yield { value }
  }
}

export async function run(options: ProduceOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { config } = loadConfig(env)
  const topic = options.topic ?? config.kafka.topic
  const producer = await openProducer({ ...clusterOptions(config, 'insighthub-produce'), runMessages: 1 })
  try {
    const startedMs = performance.now()
    const interrupted = new AbortController()
    const interruption = once(interrupted.signal, 'abort')
    onFirstSignal(() => interrupted.abort())
    const { signal } = interrupted
    const pace = { rate: options.rate, clock: () => performance.now(), signal }
    let sent = 0
    const sending = sendAll({ producer, topic }, messagesOf(options), pace, (n) => {
      sent = n
    })
    await Promise.race([sending, interruption])
    // What waits for standard input does not hear of it; messages in hand are soon sent.
    if (signal.aborted) await Promise.race([sending, sleep(IN_HAND_MS)])
    const seconds = (performance.now() - startedMs) / 1000
    const told = `${counted(sent, 'message')} sent to "${topic}" in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)}/s)`
    process.stdout.write(signal.aborted ? `✗ Interrupted: ${told}\n` : `✓ ${told}\n`)
    return signal.aborted ? EX_INTERRUPTED : 0
  } finally {
    await producer.close()
  }
}
