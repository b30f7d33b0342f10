/** A real Apache Kafka for a benchmark, of the same version as the integration tests'. */
import { realKafkaMissing, startRealKafka } from '../test/support/real-kafka.ts'

export interface BenchKafka {
  readonly address: string
  readonly name: string
  close(): Promise<void>
}

/** null where KAFKA_BROKER names one, or where none can be had. */
export async function realKafka(env: NodeJS.ProcessEnv): Promise<BenchKafka | null> {
  if ((env['KAFKA_BROKER'] ?? '') !== '') return null
  const missing = realKafkaMissing()
  if (missing !== null) {
    process.stderr.write(`without a real Kafka, on the embedded broker: ${missing}\n`)
    return null
  }
  const { address, close } = await startRealKafka()
  return { address, close, name: 'Apache Kafka 4.3.1, one node on this machine' }
}
