/** What the coordinator of a group answers when it is not content, by Kafka's numbers. */
import { ProcessorError } from '../errors.ts'
import { ASSIGNORS } from './group-protocol.ts'

export const COORDINATOR_LOADING = 14
const COORDINATOR_GONE: readonly number[] = [15, 16]
export const ILLEGAL_GENERATION = 22
const INCONSISTENT_PROTOCOL = 23
export const UNKNOWN_MEMBER = 25
export const REBALANCE_IN_PROGRESS = 27
export const MEMBER_ID_REQUIRED = 79
/** Unusable group id, session timeout out of the broker's bounds, not authorized. */
const REFUSED: readonly number[] = [24, 26, 30]

/** An answer that the member has no other answer to than a new life, or none at all (KAFKA_REFUSED). */
export function groupError(request: string, code: number): ProcessorError {
  if (REFUSED.includes(code)) return new ProcessorError('KAFKA_REFUSED', `Kafka refused ${request} with error ${code}`)
  if (code === INCONSISTENT_PROTOCOL) {
    const hint = `no assignment strategy in common: another kind of consumer uses this group (we offer ${ASSIGNORS.join(', ')})`
    return new ProcessorError('KAFKA_UNAVAILABLE', `Kafka answered ${request} with error ${code}, ${hint}`)
  }
  const what = COORDINATOR_GONE.includes(code) ? 'the group has another coordinator now' : `error ${code}`
  return new ProcessorError('KAFKA_UNAVAILABLE', `Kafka answered ${request}: ${what}`)
}
