/** What can be done to a running pipeline. */
import type { Fault } from './fault.ts'
import { KAFKA_FAULTS, TOPIC_FAULTS } from './kafka-faults.ts'
import { POSTGRES_FAULTS } from './postgres-faults.ts'
import { WORKER_FAULTS } from './worker-faults.ts'

export const FAULTS: readonly Fault[] = [...WORKER_FAULTS, ...POSTGRES_FAULTS, ...KAFKA_FAULTS, ...TOPIC_FAULTS]
