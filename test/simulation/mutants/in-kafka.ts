/** Rules of reading: what an answer of a broker is worth. */

import { Position, Positions } from '../../../src/kafka/positions.ts'
import { TopicStart } from '../../../src/kafka/topic-start.ts'
import type { FetchRequest, KafkaTransport, LogTransport } from '../../../src/kafka/transport.ts'
import { Watchdog } from '../../../src/kafka/watchdog.ts'
import { PackedRecords } from '../../../src/packed-records.ts'
import { UNCHANGED } from '../world.ts'
import { type Mutant, method, seams } from './mutant.ts'

/** Every connection for reading, with some of its calls replaced. */
function logs(change: (real: LogTransport) => Partial<LogTransport>) {
  return (real: KafkaTransport): KafkaTransport => ({
    openGroup: (groupId) => real.openGroup(groupId),
    close: () => real.close(),
    openLog: async () => {
      const log = await real.openLog()
      return { ...log, ...change(log) }
    },
  })
}

export const MUTANTS_IN_KAFKA: readonly Mutant[] = [
  {
    name: 'aborted transactions read',
    without: 'records of aborted transactions are nobody’s',
    attacks: ['P15'],
    ...seams({
      transport: logs((real) => ({
        fetch: async (request, signal) => {
          const answer = await real.fetch(request, signal)
          return { ...answer, partitions: answer.partitions.map((each) => ({ ...each, abortedTransactions: [] })) }
        },
      })),
    }),
  },
  {
    name: 'topic known by name alone',
    without: 'a topic that was made again is another one',
    attacks: ['P18', 'P19'],
    ...seams({
      transport: logs((real) => ({
        metadata: async (topic) => ({ ...(await real.metadata(topic)), topicId: '' }),
        fetch: (request, signal) => real.fetch(byName(request), signal),
      })),
    }),
  },
  {
    name: 'fetch by name',
    without: 'records are asked for by the topic’s id, so that its namesake cannot answer',
    attacks: ['P18'],
    ...seams({ transport: logs((real) => ({ fetch: (request, signal) => real.fetch(byName(request), signal) })) }),
  },
  {
    name: 'leader epochs ignored',
    without: 'a log under a new leader is compared with what was read',
    attacks: ['P17'],
    ...seams({
      transport: logs((real) => ({
        metadata: async (topic) => {
          const metadata = await real.metadata(topic)
          return { ...metadata, partitions: metadata.partitions?.map((each) => ({ ...each, leaderEpoch: -1 })) ?? null }
        },
        offsetForLeaderEpoch: async (request) => ({ errorCode: 0, leaderEpoch: request.leaderEpoch, endOffset: -1 }),
      })),
    }),
  },
  {
    name: 'late answers believed',
    without: 'an answer counts only for the assignment and the offset it was asked for',
    attacks: ['P8'],
    ...UNCHANGED,
    install: believeLateAnswers,
  },
  {
    name: 'gap not confirmed',
    without: 'a jump of the offsets is a hole only when a second answer says the same',
    attacks: ['P15'],
    ...UNCHANGED,
    install: method(
      Position.prototype,
      'accept',
      (real) =>
        function (this: Position, answer) {
          const first = real.call(this, answer)
          return first.kind === 'suspected' ? real.call(this, answer) : first
        },
    ),
  },
  {
    name: 'gap not recorded',
    without: 'what retention took is told as lost, not passed over',
    attacks: ['P16'],
    ...UNCHANGED,
    install: method(
      Position.prototype,
      'lost',
      () =>
        function (this: Position, to, _reason, nowMs) {
          if (to <= this.expected) return null
          this.buffer.push({
            from: this.expected,
            to,
            records: PackedRecords.EMPTY,
            leaderEpoch: -1,
            gap: null,
            arrivedMs: nowMs,
          })
          this.expected = to
          return null
        },
    ),
  },
  {
    name: 'no watchdog',
    without: 'nothing stands still in silence',
    attacks: ['P14'],
    ...UNCHANGED,
    install: method(Watchdog.prototype, 'look', () => async () => undefined),
  },
  {
    name: 'lost row not pinned again',
    without: 'a ledger that lost a partition in a failover is told of it again',
    attacks: ['P23'],
    ...UNCHANGED,
    install: method(TopicStart.prototype, 'lost', () => () => undefined),
  },
]

function byName({ topicId: _, ...request }: FetchRequest): FetchRequest {
  return request
}

function believeLateAnswers(): () => void {
  const stable = method(
    Positions.prototype,
    'assign',
    (real) =>
      function (this: Positions, partitions, nowMs) {
        real.call(this, partitions, nowMs)
        for (const position of this.all)
          Object.defineProperty(position, 'assignment', { get: () => 1, set: () => undefined })
      },
  )()
  const believing = method(
    Position.prototype,
    'accept',
    (real) =>
      function (this: Position, answer) {
        return real.call(this, { ...answer, assignment: this.assignment, wanted: this.expected })
      },
  )()
  return () => {
    stable()
    believing()
  }
}
