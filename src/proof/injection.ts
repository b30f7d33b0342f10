/** One fault, done to real processes, and how long until the line went on. */
import { type InjectedFault, type PlannedFault, STANDSTILL_MS } from './faults.ts'
import type { LedgerPosition, LedgerWatch } from './ledger-watch.ts'
import type { Load } from './load.ts'
import type { Member, Team } from './team.ts'

export interface Scene {
  readonly team: Team
  readonly watch: LedgerWatch
  readonly load: Pick<Load, 'ends'>
  readonly sessionTimeoutMs: number
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<unknown>
  /** When the first message was sent, by the clock. */
  readonly startedMs: number
  readonly signal: AbortSignal
}

const POLL_MS = 40
const PAUSE_MS = 1_500
/** A zombie wakes up so long after its session was over. */
const BEYOND_SESSION_MS = 1_500
/** However slowly a line goes on. */
const GIVEN_UP_MS = 600_000

/** Leaves as many workers as it found. Rejects with EMBEDDED_START where one more can't be started. */
export async function inject(planned: PlannedFault, scene: Scene): Promise<InjectedFault> {
  const { team, clock } = scene
  const before = (await scene.watch.positions()) ?? new Map<number, LedgerPosition>()
  const victim = chooseVictim(planned, team, before)
  const everyone = planned.kind === 'rebalance'
  const extra = everyone ? await team.start() : null
  const partitions = [...before]
    .filter(([, { owner }]) => everyone || owner === victim.owner)
    .map(([partition]) => partition)
  const atMs = clock()
  const recovered = recovery(partitions, scene, atMs)
  const wrong = await act(planned, { victim, extra, recovered, scene, atMs })
  const recoveredMs = await recovered
  return {
    kind: planned.kind,
    atMs: Math.round(atMs - scene.startedMs),
    pid: (extra ?? victim).worker.pid,
    partitions,
    recoveredMs: recoveredMs === null ? null : Math.round(recoveredMs),
    wrong,
  }
}

/** One that owns something, where there is one. */
function chooseVictim(
  { victim }: PlannedFault,
  { members }: Team,
  positions: ReadonlyMap<number, LedgerPosition>,
): Member {
  const owners = new Set([...positions.values()].map(({ owner }) => owner))
  const owning = members.filter(({ owner }) => owners.has(owner))
  const among = owning.length > 0 ? owning : members
  const chosen = among[Math.floor(victim * among.length)]
  if (chosen === undefined) throw new RangeError('a proof without workers')
  return chosen
}

interface Action {
  readonly victim: Member
  readonly extra: Member | null
  readonly recovered: Promise<number | null>
  readonly scene: Scene
  readonly atMs: number
}

/** Answers what was wrong besides, or null. */
async function act({ kind }: PlannedFault, { victim, extra, recovered, scene, atMs }: Action): Promise<string | null> {
  const { team, watch, sessionTimeoutMs, clock, sleep } = scene
  // Nobody takes over from the only one: it must come back by itself.
  const alone = team.members.length === 1
  switch (kind) {
    case 'kill':
      await team.kill(victim)
      if (!alone) await recovered
      await team.start()
      return null
    case 'stop':
      victim.worker.signal('SIGSTOP')
      if (!alone) await recovered
      await sleep(Math.max(0, sessionTimeoutMs + BEYOND_SESSION_MS - (clock() - atMs)))
      victim.worker.signal('SIGCONT')
      return null
    case 'pause':
      victim.worker.signal('SIGSTOP')
      await sleep(PAUSE_MS)
      victim.worker.signal('SIGCONT')
      return null
    case 'restart':
      return exitCode(team.stop(victim), team.start())
    case 'rebalance':
      return extra === null ? 'no worker joined' : exitCode(team.stop(extra), null)
    case 'cut': {
      const connections = await watch.cut(victim.applicationName)
      return connections === null || connections === 0 ? 'no connection of the worker could be ended' : null
    }
  }
}

async function exitCode(stopping: Promise<number>, starting: Promise<Member> | null): Promise<string | null> {
  const [code] = await Promise.all([stopping, starting])
  return code === 0 ? null : `a worker that was asked to stop exited with ${code}`
}

/**
 * Until each partition has stored a message that was sent after the fault: whatever was on its way before may still arrive and
 * proves nothing. null where one with messages before it stood still for STANDSTILL_MS.
 */
async function recovery(
  partitions: readonly number[],
  { load, watch, clock, sleep, signal }: Scene,
  atMs: number,
): Promise<number | null> {
  const sentBefore = new Map(partitions.map((partition) => [partition, load.ends[partition] ?? 0]))
  const seen = new Map(partitions.map((partition) => [partition, { next: -1, movedMs: atMs }]))
  while (clock() - atMs < GIVEN_UP_MS && !signal.aborted) {
    const positions = await watch.positions()
    let [left, stands] = [0, false]
    for (const partition of partitions) {
      const next = positions?.get(partition)?.nextOffset ?? -1
      if (next > (sentBefore.get(partition) ?? 0)) continue
      left++
      const before = seen.get(partition)
      const isDone = positions !== null && next >= (load.ends[partition] ?? 0)
      if (before === undefined || next > before.next || isDone) seen.set(partition, { next, movedMs: clock() })
      else stands ||= clock() - before.movedMs > STANDSTILL_MS
    }
    if (left === 0 && positions !== null) return clock() - atMs
    if (stands) return null
    await sleep(POLL_MS)
  }
  return null
}
