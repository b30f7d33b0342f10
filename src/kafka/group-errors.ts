/** What the coordinator of a group answers when it is not content, by Kafka's numbers. */
import { ProcessorError } from '../errors.ts'
import { errorName } from './error-name.ts'
import { ASSIGNORS } from './group-protocol.ts'

export const COORDINATOR_LOADING = 14
/** The group has none (yet), or another one: Kafka makes it at a cluster's first use, and moves it when a broker goes. */
const COORDINATOR_GONE: readonly number[] = [15, 16]
export const ILLEGAL_GENERATION = 22
const INCONSISTENT_PROTOCOL = 23
export const UNKNOWN_MEMBER = 25
export const REBALANCE_IN_PROGRESS = 27
export const MEMBER_ID_REQUIRED = 79
/** What no retry cures, with what to do about it. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [24, 'KAFKA_GROUP_ID cannot be used as it is'],
  [
    26,
    'KAFKA_SESSION_TIMEOUT_MS lies outside what the brokers allow (group.min.session.timeout.ms, group.max.session.timeout.ms)',
  ],
  [30, 'the group needs READ for this user'],
])

/** An answer that the member has no other answer to than a new life, or none at all (KAFKA_REFUSED). */
export function groupError(request: string, code: number): ProcessorError {
  const remedy = REFUSED.get(code)
  if (remedy !== undefined) {
    return new ProcessorError('KAFKA_REFUSED', `Kafka refused ${request} with ${errorName(code)}: ${remedy}`)
  }
  if (code === INCONSISTENT_PROTOCOL) {
    const hint = `no assignment strategy in common: another kind of consumer uses this group (we offer ${ASSIGNORS.join(', ')})`
    return new ProcessorError('KAFKA_UNAVAILABLE', `Kafka answered ${request} with ${errorName(code)}: ${hint}`)
  }
  if (COORDINATOR_GONE.includes(code)) {
    return new ProcessorError(
      'KAFKA_NO_COORDINATOR',
      `Kafka answered ${request}: the group has another coordinator now`,
    )
  }
  return new ProcessorError('KAFKA_UNAVAILABLE', `Kafka answered ${request}: ${errorName(code)}`)
}

/** A FindCoordinator answer without a coordinator. */
export function coordinatorError(groupId: string, code: number): ProcessorError {
  const soon = code === COORDINATOR_LOADING || COORDINATOR_GONE.includes(code)
  const what = `no coordinator for group ${groupId}: ${errorName(code)}`
  return new ProcessorError(soon ? 'KAFKA_NO_COORDINATOR' : 'KAFKA_UNAVAILABLE', what)
}
