/** The faults of a proof and their order: rounds over all kinds, shuffled by the seed. Pure. */
import { Random } from '../demo/random.ts'

/** What is done to one of the proof's own workers, or to the group of them. */
export const FAULTS = {
  kill: 'a worker dies by SIGKILL',
  stop: 'a worker is stopped (SIGSTOP) for longer than its session and wakes up as a zombie',
  pause: 'a worker is stopped for less than its session',
  restart: 'a worker is ended by SIGTERM and another starts',
  rebalance: 'one more worker joins the group and leaves it',
  cut: "a worker's connections to the database are ended by the server",
} as const
export type FaultKind = keyof typeof FAULTS
export const FAULT_KINDS: readonly FaultKind[] = ['kill', 'stop', 'pause', 'restart', 'rebalance', 'cut']

export interface PlannedFault {
  readonly kind: FaultKind
  /** In [0, 1): which of the workers. */
  readonly victim: number
  /** Quiet time before it, in ms. */
  readonly restMs: number
}

/** A line that does not move for so long has stopped; one that is slow is waited for. */
export const STANDSTILL_MS = 120_000

const REST_MS = { min: 300, max: 2_000 }

/** Without end. */
export function* plannedFaults(seed: number): Generator<PlannedFault, never> {
  const random = new Random(seed)
  for (;;) {
    const round = [...FAULT_KINDS]
    while (round.length > 0) {
      const [kind] = round.splice(random.below(round.length), 1)
      if (kind === undefined) break
      yield { kind, victim: random.next(), restMs: REST_MS.min + random.below(REST_MS.max - REST_MS.min) }
    }
  }
}

/** How long one may take at most when all is well, in ms, for not beginning what cannot end in time. */
export function expectedMs(kind: FaultKind, sessionTimeoutMs: number): number {
  switch (kind) {
    case 'kill':
      return sessionTimeoutMs + 6_000
    case 'stop':
      return sessionTimeoutMs + 5_000
    case 'restart':
    case 'rebalance':
      return 6_000
    case 'pause':
    case 'cut':
      return 4_000
  }
}

export interface InjectedFault {
  readonly kind: FaultKind
  /** Since the first message was sent. */
  readonly atMs: number
  readonly pid: number
  /** Partitions that it concerned. */
  readonly partitions: readonly number[]
  /** From the fault until a message that was sent after it was stored, in each of those; null: it never was. */
  readonly recoveredMs: number | null
  /** What else was wrong; null: nothing. */
  readonly wrong: string | null
}

export interface Recovery {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** In ms, by kind; nearest rank. Faults that never recovered are left out: they fail the proof by themselves. */
export function recoveries(faults: readonly InjectedFault[]): Partial<Record<FaultKind, Recovery>> {
  const byKind: Partial<Record<FaultKind, Recovery>> = {}
  for (const kind of FAULT_KINDS) {
    const times = faults
      .filter((fault) => fault.kind === kind)
      .flatMap(({ recoveredMs }) => (recoveredMs === null ? [] : [recoveredMs]))
      .sort((a, b) => a - b)
    const rank = (q: number): number => Math.round(times[Math.max(0, Math.ceil(q * times.length) - 1)] ?? 0)
    if (times.length > 0) byKind[kind] = { count: times.length, p50: rank(0.5), p95: rank(0.95), max: rank(1) }
  }
  return byKind
}
