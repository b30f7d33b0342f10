/** What one seed does to the world, decided before it begins, so that a failing plan can be told, repeated and made smaller. */
import { Dice } from './dice.ts'

export const FAULT_KINDS = [
  'kill',
  'stop',
  'zombie',
  'stopped in claim',
  'stopped in flush',
  'killed in flush',
  'terminate',
  'database restart',
  'database down',
  'cut backend',
  'failover',
  'lost requests',
  'lost answers',
  'late commits',
  'slow database',
  'database errors',
  'permission revoked',
  'database dark',
  'spoiled commits',
  'Kafka cut',
  'Kafka dark',
  'broker down',
  'leader moves',
  'coordinator down',
  'late fetches',
  'client skips',
  'client repeats',
  'client stalls',
  'retention',
  'partitions added',
  'topic made again',
  'log truncated',
  'wall clock jumps',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** The faults of docs/pitfalls.md that each stands for. */
export const FAULTS_OF_KIND: Readonly<Record<FaultKind, readonly string[]>> = {
  kill: ['F1'],
  stop: ['F21'],
  zombie: ['F2', 'F21'],
  'stopped in claim': ['F2'],
  'stopped in flush': ['F2'],
  'killed in flush': ['F1', 'F3'],
  terminate: ['F12', 'F20'],
  'database restart': ['F5'],
  'database down': ['F5'],
  'cut backend': ['F6'],
  failover: ['F7'],
  'lost requests': ['F3'],
  'lost answers': ['F3'],
  'late commits': ['F3'],
  'slow database': ['F4'],
  'database errors': ['F8', 'F9', 'F25'],
  'permission revoked': ['F26'],
  'database dark': ['F4'],
  'spoiled commits': ['F3'],
  'Kafka cut': ['F11'],
  'Kafka dark': ['F11'],
  'broker down': ['F10'],
  'leader moves': ['F10'],
  'coordinator down': ['F10'],
  'late fetches': ['F13'],
  'client skips': ['F13'],
  'client repeats': ['F13'],
  'client stalls': ['F14'],
  retention: ['F15'],
  'partitions added': ['F17'],
  'topic made again': ['F16'],
  'log truncated': ['F16'],
  'wall clock jumps': ['F22'],
}

export interface Fault {
  readonly kind: FaultKind
  readonly atMs: number
  readonly forMs: number
  /** Which worker, broker or partition; taken modulo how many there are. */
  readonly which: number
  /** Chance inside the fault, in [0, 1). */
  readonly luck: number
}

export interface Production {
  readonly atMs: number
  readonly partition: number
  readonly count: number
  readonly kind: 'plain' | 'committed' | 'aborted' | 'compacted' | 'thinned'
  /** For a transaction: how long it stays open. */
  readonly forMs: number
}

export interface Settings {
  readonly startPolicy: 'latest' | 'earliest'
  readonly lanes: number
  readonly rowsMax: number
  readonly snapshotEvery: number
  readonly reserveIds: boolean
  /** Records per partition that are there before anybody starts. */
  readonly before: number
  /** Where the group stood when it was somebody else's; null where it never was. */
  readonly groupOffset: number | null
}

export interface Plan {
  readonly seed: number
  readonly settings: Settings
  readonly faults: readonly Fault[]
  readonly productions: readonly Production[]
}

export const PARTITIONS = 3
export const INSTANCES = 3
/** Faults and productions fall into this time. */
export const TROUBLE_MS = 30_000

const WEIGHTS: readonly (readonly [FaultKind, number])[] = [
  ['kill', 6],
  ['stop', 3],
  ['zombie', 5],
  ['stopped in claim', 2],
  ['stopped in flush', 3],
  ['killed in flush', 3],
  ['terminate', 3],
  ['database restart', 3],
  ['database down', 2],
  ['cut backend', 2],
  ['failover', 2],
  ['lost requests', 2],
  ['lost answers', 5],
  ['late commits', 5],
  ['slow database', 2],
  ['database errors', 2],
  ['permission revoked', 1],
  ['database dark', 2],
  ['spoiled commits', 2],
  ['Kafka cut', 2],
  ['Kafka dark', 3],
  ['broker down', 2],
  ['leader moves', 2],
  ['coordinator down', 2],
  ['late fetches', 3],
  ['client skips', 3],
  ['client repeats', 2],
  ['client stalls', 0.7],
  ['retention', 3],
  ['partitions added', 1.5],
  ['topic made again', 0.8],
  ['log truncated', 0.8],
  ['wall clock jumps', 1],
]

export function planOf(seed: number): Plan {
  const dice = new Dice(seed)
  const before = dice.chance(0.7) ? dice.between(1, 30) : 0
  const settings: Settings = {
    startPolicy: dice.of(['latest', 'earliest']),
    lanes: dice.between(1, 2),
    rowsMax: dice.of([5, 20, 60]),
    snapshotEvery: dice.of([1, 2, 5]),
    reserveIds: dice.chance(0.2),
    before,
    groupOffset: dice.chance(0.2) ? dice.between(0, before) : null,
  }
  const faults = Array.from({ length: dice.between(10, 16) }, () => faultOf(dice))
  const productions: Production[] = []
  let records = PARTITIONS * before
  while (records < 200 || productions.length < 20) {
    const production = productionOf(dice)
    productions.push(production)
    records += production.count
  }
  return { seed, settings, faults: inOrder(faults), productions: inOrder(productions) }
}

/** Longer than a session. */
const LONG: readonly FaultKind[] = ['zombie', 'stopped in claim', 'stopped in flush']

function faultOf(dice: Dice): Fault {
  const kind = dice.weighted(WEIGHTS)
  const forMs = LONG.includes(kind) ? dice.between(10_500, 22_000) : dice.between(200, 8_000)
  return { kind, atMs: dice.between(0, TROUBLE_MS), forMs, which: dice.between(0, 11), luck: dice.next() }
}

function productionOf(dice: Dice): Production {
  const kind = dice.weighted<Production['kind']>([
    ['plain', 10],
    ['committed', 1],
    ['aborted', 1],
    ['compacted', 1],
    ['thinned', 1],
  ])
  const atMs = dice.between(0, TROUBLE_MS)
  return { kind, atMs, partition: dice.between(0, 11), count: dice.between(1, 16), forMs: dice.between(50, 4_000) }
}

function inOrder<T extends { readonly atMs: number }>(each: readonly T[]): T[] {
  return each.toSorted((a, b) => a.atMs - b.atMs)
}
