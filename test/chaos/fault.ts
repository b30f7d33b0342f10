/** What a fault is, and what several kinds of them need. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from '../support/worker.ts'
import type { World } from './world.ts'

export interface Fault {
  readonly name: string
  /** Its number in docs/pitfalls.md. */
  readonly number: string
  /** Faults of one kind don't overlap. */
  readonly on: 'worker' | 'postgres' | 'kafka' | 'topic'
  /** Of a choice at random. @default 2 */
  readonly weight?: number
  /** Why it cannot be done here, or null. */
  readonly missing?: (world: World) => string | null
  readonly act: (world: World) => Promise<void>
}

export function someWorker({ fleet, random }: World): Worker | undefined {
  return fleet.workers[random.below(fleet.workers.length)]
}

/** One worker ends and another takes its place. */
export async function replaced(world: World, extra: Readonly<Record<string, string>>): Promise<Worker> {
  const victim = someWorker(world)
  if (victim !== undefined) await world.fleet.kill(victim)
  return world.fleet.start(extra)
}

/** Until the condition holds, or the time is over. */
export async function within(ms: number, condition: () => boolean): Promise<void> {
  const end = performance.now() + ms
  while (!condition() && performance.now() < end) await sleep(50)
}
