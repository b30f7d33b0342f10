/** The Kafka cluster out of the settings, for every command that opens it. */
import type { Config } from '../config.ts'
import type { ClusterOptions } from '../kafka/broker-cluster.ts'

export const KAFKA_TIMEOUTS = { requestTimeoutMs: 30_000, connectTimeoutMs: 5_000 } as const

export function clusterOptions(config: Pick<Config, 'kafka'>, clientId: string): ClusterOptions {
  const { brokers, security } = config.kafka
  return { brokers, security, clientId, ...KAFKA_TIMEOUTS }
}
