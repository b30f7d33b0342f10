/** What can be done to a running pipeline. */
import type { Fault } from './fault.ts'
import { KAFKA_FAULTS, TOPIC_FAULTS } from './kafka-faults.ts'
import { POSTGRES_FAULTS } from './postgres-faults.ts'
import { WORKER_FAULTS } from './worker-faults.ts'

/** What several of them at once are counted as, when they are over. */
export const STORM = { name: 'several at once, then peace', number: 'F30' } as const

export const FAULTS: readonly Fault[] = [...WORKER_FAULTS, ...POSTGRES_FAULTS, ...KAFKA_FAULTS, ...TOPIC_FAULTS]

/** Those of these numbers, or with these words in their names; all where none is given. */
export const faultsNamed = (names: readonly string[]): Fault[] =>
  FAULTS.filter(
    ({ name, number }) => names.length === 0 || names.some((each) => number === each || name.includes(each)),
  )
