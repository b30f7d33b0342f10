/** Rules of what a worker remembers, and where it begins. */
import type { Claim } from '../../../src/ledger.ts'
import type { ChainScorer } from '../chain-scorer.ts'
import { keyOf, type LedgerRow } from '../database.ts'
import { NEVER } from '../light-abort.ts'
import { PARTITIONS } from '../plan.ts'
import type { Mutation, World } from '../world.ts'
import { type Mutant, seams } from './mutant.ts'

/** Of a loop that has other things to do. */
const TURN_MS = 5

export const MUTANTS_IN_MEMORY: readonly Mutant[] = [
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
    name: 'turn after the cut',
    without: 'nothing happens between the cut of a batch and its scoring',
    attacks: ['P4'],
    ...seams({
      source: (real, { time }) => ({
        settled: (...of) => real.settled(...of),
        async *batches(signal) {
          for await (const batch of real.batches(signal)) {
            await time.sleep(TURN_MS, NEVER)
            yield batch
          }
        },
      }),
    }),
  },
  {
    name: 'alerts after the wait',
    without: 'alerts and snapshot are taken before a remote engine is waited for',
    attacks: ['P4'],
    ...seams({
      detector: (real) => {
        real.score = async (ranges) => {
          const logs = ranges.map((each) => real.judge(each))
          await real.wait()
          return ranges.map(({ range }, at) => ({ logs: logs[at] ?? [], ...real.taken(range) }))
        }
        return real
      },
    }),
  },
  {
    name: 'snapshot written over',
    without: 'the memory of a snapshot is not used again before its batch is stored',
    attacks: ['P29'],
    ...seams({
      detector: (real) => {
        const snapshot = real.snapshot.bind(real)
        const memory = new Map<number, Uint8Array>()
        real.snapshot = (range) => {
          const now = snapshot(range)
          if (now === null) return null
          const state = memory.get(range.partition) ?? new Uint8Array(now.state.length)
          memory.set(range.partition, state)
          state.set(now.state)
          return { ...now, state }
        }
        return real
      },
    }),
  },
  {
    name: 'snapshot of another moment',
    without: 'a snapshot is of exactly the offset it is stored with',
    attacks: ['P29'],
    ...seams({
      detector: (real) => {
        const snapshot = real.snapshot.bind(real)
        let before: ReturnType<ChainScorer['snapshot']> = null
        real.snapshot = (range) => {
          const now = snapshot(range)
          const stale = before?.partition === range.partition && now !== null ? { ...before, atOffset: range.to } : now
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
