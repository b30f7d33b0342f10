/**
 * The source alone: everything up to the batches, which are said to be stored at once. A batch here is records cut out of the fetched
 * bytes (checksums verified, decompressed, one view a value); nothing looks into a value, so this is what reading costs, not what a
 * service could do. The clock starts with the claim of the partitions, before the first byte is fetched.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../bench/figures.ts'
import { measured } from '../bench/measured.ts'
import type { PartOptions } from '../bench/part-options.ts'
import type { Config } from '../config.ts'
import { silentEvents } from '../events.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { KafkaSource } from '../kafka/source.ts'
import { benchLedger } from './bench-sink.ts'
import { fetchLimits } from './fetch-limits.ts'
import { clusterOptions } from './kafka-cluster.ts'

export async function measureSource(config: Config, { rows }: PartOptions): Promise<Figure> {
  const { kafka: settings, limits } = config
  const transport = platformaticTransport({ ...clusterOptions(config, 'bench'), requestTimeoutMs: 45_000 })
  const ledger = benchLedger(config)
  const claimed = Promise.withResolvers<void>()
  const kafka = new KafkaSource({
    transport,
    ledger,
    events: silentEvents({ partitionsClaimed: () => claimed.resolve() }),
    detector: { restore: ({ nextOffset }) => nextOffset, drop: () => undefined },
    time: {
      clock: () => performance.now(),
      now: Date.now,
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      random: Math.random,
    },
    turn: setImmediate,
    topic: settings.topic,
    groupId: settings.groupId,
    startPolicy: 'earliest',
    sessionTimeoutMs: settings.sessionTimeoutMs,
    heartbeatIntervalMs: settings.heartbeatIntervalMs,
    rebalanceTimeoutMs: 30_000,
    lanes: config.database.poolSize,
    rowsMax: limits.batchRowsMax,
    bytesMax: limits.batchBytesMax,
    intervalMs: limits.batchIntervalMs,
    ageTargetMs: limits.ageTargetMs,
    ...fetchLimits(limits.memoryLimitMb, limits.messageBytesMax),
  })
  const stop = new AbortController()
  const batches = kafka.batches(stop.signal)[Symbol.asyncIterator]()
  const first = batches.next() // from here on it runs
  await Promise.race([claimed.promise, first])
  const figure = await measured(rows, null, async () => {
    for (let [seen, next] = [0, await first]; next.done !== true; next = await batches.next()) {
      const { ranges } = next.value
      for (const { records } of ranges) seen += records.length
      kafka.settled(
        next.value,
        ranges.map((range) => ({ kind: 'committed', range, refused: [], logIds: null })),
      )
      if (seen >= rows) return
    }
  })
  stop.abort()
  await kafka.close(1_000)
  await transport.close()
  await ledger.close()
  return figure
}
