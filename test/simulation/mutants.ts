/**
 * Rules of the protocol, each left out on purpose: what a test must notice. They take hold of the seams between the product and
 * the simulated world, or of one method of the product while a run lasts; the product itself has no such switches.
 */
import { Position, Positions } from '../../src/kafka/positions.ts'
import { TopicStart } from '../../src/kafka/topic-start.ts'
import type { FetchRequest, KafkaTransport, LogTransport } from '../../src/kafka/transport.ts'
import { Watchdog } from '../../src/kafka/watchdog.ts'
import type { Claim } from '../../src/ledger.ts'
import type { OpenSession, Session } from '../../src/postgres/session.ts'
import type { ChainScorer } from './chain-scorer.ts'
import { keyOf, type LedgerRow, SqlError } from './database.ts'
import { PARTITIONS } from './plan.ts'
import { type Mutation, UNCHANGED, type World } from './world.ts'

export interface Mutant extends Mutation {
  readonly name: string
  /** The rule that is left out. */
  readonly without: string
  /** Pitfalls of docs/pitfalls.md that leaving it out falls into. */
  readonly attacks: readonly string[]
  /** Takes hold of a method of the product; returns what lets go of it. */
  readonly install?: () => () => void
}

const FENCE = 'select ingest_advance('

/** Every session, with some of its calls replaced. */
function sessions(change: (real: Session, world: World, open: OpenSession) => Partial<Session>) {
  return (open: OpenSession, world: World): OpenSession =>
    async () => {
      const real = await open()
      const plain: Session = {
        query: (sql, values) => real.query(sql, values),
        copy: (text, files) => real.copy(text, files),
        inTime: (work) => real.inTime(work),
        destroy: () => real.destroy(),
        close: () => real.close(),
        onEnd: (act) => real.onEnd(act),
      }
      return Object.assign(plain, change(real, world, open))
    }
}

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

/** A method replaced for as long as a run lasts. */
function method<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (real: T[K]) => T[K],
): () => () => void {
  return () => {
    const real = prototype[name]
    prototype[name] = make(real)
    return () => {
      prototype[name] = real
    }
  }
}

function withoutFence(text: string): { fence: string; rest: string } {
  const at = text.indexOf(FENCE)
  return { fence: text.slice(at), rest: text.slice(0, at) }
}

function switches(off: Partial<Mutation['switches']>): Mutation {
  return { ...UNCHANGED, switches: { ...UNCHANGED.switches, ...off } }
}
const seams = (of: Mutation['seams']): Mutation => ({ ...UNCHANGED, seams: of })

const inTheDatabase: readonly Mutant[] = [
  {
    name: 'no compare-and-set',
    without: 'a batch commits only where the ledger stands at its first offset',
    attacks: ['P3', 'P4', 'P6', 'P13'],
    ...switches({ compareAndSet: false }),
  },
  {
    name: 'no epoch',
    without: 'a batch commits only under the newest claim',
    attacks: ['P4'],
    ...switches({ fencing: false }),
  },
  {
    name: 'neither compare-and-set nor epoch',
    without: 'whoever is late is refused',
    attacks: ['P4'],
    ...switches({ compareAndSet: false, fencing: false }),
  },
  {
    name: 'commit before write',
    without: 'the position moves with the rows, not before them',
    attacks: ['P1'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const { fence, rest } = withoutFence(text)
          if (fence !== '') await real.copy(fence, [])
          await real.copy(rest, files)
        },
      })),
    }),
  },
  {
    name: 'write before commit',
    without: 'the rows come with the position, not before it',
    attacks: ['P1', 'P6'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const { fence, rest } = withoutFence(text)
          await real.copy(rest, files)
          if (fence !== '') await real.copy(fence, [])
        },
      })),
    }),
  },
  {
    name: 'lock first',
    without: 'the ledger is locked last, so that a stopped worker holds up nobody',
    attacks: ['P5'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const { fence, rest } = withoutFence(text)
          if (fence === '') return await real.copy(text, files)
          await real.query('begin')
          await real.query(fence)
          await real.copy(rest, files)
          await real.query('commit')
        },
      })),
    }),
  },
  {
    name: 'answer lost, ledger read without its lock',
    without: 'an unknown outcome is settled by the same batch through the same check, never by looking',
    attacks: ['P6'],
    ...seams({ openSession: sessions(looksAfterLostAnswers) }),
  },
  {
    name: 'COMMIT tag unchecked',
    without: 'a COMMIT that is answered with ROLLBACK has committed nothing',
    attacks: ['P7'],
    ...seams({
      openSession: sessions((real) => ({
        query: async <Row extends object>(sql: string, values?: unknown[]) => {
          const answer = await real.query<Row & Record<string, unknown>>(sql, values)
          return sql === 'commit' ? { ...answer, command: 'COMMIT' } : answer
        },
      })),
    }),
  },
  {
    name: 'error taken for success',
    without: 'a batch that was not stored is tried again for ever',
    attacks: ['P2'],
    ...seams({
      openSession: sessions((real) => ({ copy: (text, files) => real.copy(text, files).catch(() => undefined) })),
    }),
  },
  {
    name: 'schema error taken for poison',
    without: 'only what PostgreSQL says of a row makes a dead letter',
    attacks: ['P31'],
    ...seams({
      openSession: sessions((real) => ({
        copy: (text, files) =>
          real.copy(text, files).catch((error: unknown) => {
            if (!(error instanceof SqlError) || !error.code.startsWith('42')) throw error
            throw new SqlError('22P02', error.message, { where: 'COPY logs, line 1' })
          }),
      })),
    }),
  },
  {
    name: 'dead letters apart',
    without: 'dead letters are in the transaction of their neighbours',
    attacks: ['P28'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const letters = /copy ingest_dead_letter [^;]*;/.exec(text)?.[0]
          if (letters === undefined) return await real.copy(text, files)
          await real.copy(letters, files.slice(-1))
          await real.copy(text.replace(letters, ''), files.slice(0, -1))
        },
      })),
    }),
  },
  {
    name: 'no limit for an idle claim',
    without: 'a worker stopped inside its claim lets go of the rows after a while',
    attacks: ['P5'],
    ...seams({
      openSession: sessions((real) => ({
        query: (sql, values) =>
          sql.includes('idle_in_transaction') ? real.query('select 1') : real.query(sql, values),
      })),
    }),
  },
]

/** Reads the ledger after a lost answer; where that says "not yet", sends the batch again as if nothing could have happened since. */
function looksAfterLostAnswers(real: Session, _world: World, open: OpenSession): Partial<Session> {
  return {
    copy: async (text, files) => {
      try {
        await real.copy(text, files)
      } catch (error) {
        if (error instanceof SqlError || !text.includes(FENCE)) throw error
        const copies = files.map((file) => Buffer.from(file))
        const again = await open()
        const lists = [...text.matchAll(/'\{([^}]*)\}'::/g)].map((match) => (match[1] ?? '').split(',').map(Number))
        const incarnation = Number(
          /ingest_advance\([^']*'[^']*', 'UTF8'\), [^']*'[^']*', 'UTF8'\), (\d+)/.exec(text)?.[1],
        )
        const [parts = [], , , tos = []] = lists
        const stands = await Promise.all(
          parts.map(async (part) =>
            Number(
              (await again.query<{ next_offset: string }>('select next_offset', [incarnation, part])).rows[0]
                ?.next_offset,
            ),
          ),
        )
        if (stands.every((next, index) => next === tos[index])) return
        await again.copy(text.replace(FENCE, `${FENCE}/* unchecked */ `), copies)
      }
    },
  }
}

const inKafka: readonly Mutant[] = [
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
          this.buffer.push({ from: this.expected, to, records: [], leaderEpoch: -1, gap: null, arrivedMs: nowMs })
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

const inMemory: readonly Mutant[] = [
  {
    name: '"latest" not pinned',
    without: 'where the pipeline begins is decided once, before anything is read',
    attacks: ['P10'],
    ...seams({
      ledger: (real, world) => ({
        ...bound(real),
        claim: async (partitions) => {
          const answer = await real.claim(partitions)
          if (world.settings.startPolicy !== 'latest') return answer
          return { ...answer, claims: answer.claims.map((claim) => beginsAtTheEnd(claim, world)) }
        },
      }),
    }),
  },
  {
    name: 'added partitions from their end',
    without: 'partitions that are younger than the pipeline are read from 0',
    attacks: ['P10', 'P20'],
    ...seams({
      ledger: (real, world) => ({
        ...bound(real),
        pin: async (request) => {
          const known = new Set(world.database.ledger.keys())
          const pinned = await real.pin(request)
          for (const [key, row] of world.database.ledger)
            if (!known.has(key) && row.part >= PARTITIONS) moveToEnd(row, world)
          return pinned
        },
      }),
    }),
  },
  {
    name: 'resumed from Kafka’s offset',
    without: 'the ledger alone says where to go on',
    attacks: ['P12', 'P21', 'P23'],
    ...seams({
      ledger: (real, world) => ({
        ...bound(real),
        claim: async (partitions) => {
          const answer = await real.claim(partitions)
          const { committed } = world.cluster.coordinator
          return {
            ...answer,
            claims: answer.claims.map((each) => ({
              ...each,
              nextOffset: committed.get(each.partition) ?? each.nextOffset,
            })),
          }
        },
      }),
    }),
  },
  {
    name: 'position kept',
    without: 'every assignment begins at the ledger, whatever this process remembers',
    attacks: ['P9', 'P12'],
    ...seams(keepsItsPosition()),
  },
  {
    name: 'Kafka told before the commit',
    without: 'Kafka’s committed offset follows the ledger',
    attacks: ['P1'],
    ...seams({
      store: (real, world) => ({
        commit: (batch) => {
          const offsets = batch.ranges.map(({ range }) => ({ partition: range.partition, offset: range.to }))
          for (const { partition, offset } of offsets) world.cluster.coordinator.committed.set(partition, offset)
          world.check(() => world.invariants.hinted(offsets))
          return real.commit(batch)
        },
      }),
    }),
  },
  {
    name: 'memory kept after fencing',
    without: 'who loses a partition forgets what its detector learned',
    attacks: ['P4'],
    ...seams({ detector: keepsItsMemory }),
  },
  {
    name: 'snapshot of another moment',
    without: 'a snapshot is of exactly the offset it is stored with',
    attacks: ['P29'],
    ...seams({
      detector: (real) => {
        const snapshot = real.snapshot.bind(real)
        let before: ReturnType<ChainScorer['snapshot']> = null
        real.snapshot = (partition, atOffset) => {
          const now = snapshot(partition, atOffset)
          const stale = before?.partition === partition && now !== null ? { ...before, atOffset } : now
          before = now
          return stale
        }
        return real
      },
    }),
  },
]

function bound<T extends { pin: unknown; claim: unknown; release: unknown; seen: unknown }>(real: T): T {
  const own = real as unknown as Record<string, (...values: unknown[]) => unknown>
  const calls = ['pin', 'claim', 'release', 'seen'].map((name) => [
    name,
    (...values: unknown[]) => own[name]?.(...values),
  ])
  return Object.fromEntries(calls) as T
}

/** Goes on where it had come to itself, whatever became of what it handed on. */
function keepsItsPosition(): Mutation['seams'] {
  let newest: Map<number, number> = new Map()
  return {
    ledger: (real) => {
      const mine = new Map<number, number>()
      newest = mine
      return {
        ...bound(real),
        claim: async (partitions) => {
          const answer = await real.claim(partitions)
          const claims = answer.claims.map((each) => ({
            ...each,
            nextOffset: mine.get(each.partition) ?? each.nextOffset,
          }))
          return { ...answer, claims }
        },
      }
    },
    store: (real) => {
      const mine = newest
      return {
        commit: (batch) => {
          for (const { range } of batch.ranges) mine.set(range.partition, range.to)
          return real.commit(batch)
        },
      }
    },
  }
}

function moveToEnd(row: LedgerRow, world: World): void {
  const end = world.cluster.topic.partitions[row.part]?.stable ?? 0
  row.base = end
  row.next = end
}

function beginsAtTheEnd(claim: Claim, world: World): Claim {
  if (claim.nextOffset !== claim.baseOffset) return claim
  const incarnation = Math.max(...world.database.topics.map((each) => each.incarnation))
  const row = world.database.ledger.get(keyOf(incarnation, claim.partition))
  if (row === undefined || row.next !== claim.nextOffset) return claim
  moveToEnd(row, world)
  return { ...claim, baseOffset: row.base, nextOffset: row.next }
}

function keepsItsMemory(real: ChainScorer): ChainScorer {
  const restore = real.restore.bind(real)
  const known = new Set<number>()
  real.drop = () => undefined
  real.restore = (claim) => {
    if (known.has(claim.partition)) return claim.nextOffset
    known.add(claim.partition)
    return restore(claim)
  }
  return real
}

export const MUTANTS: readonly Mutant[] = [...inTheDatabase, ...inKafka, ...inMemory]
