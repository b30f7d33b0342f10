/** What a fault is, and what several kinds of them need. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from '../support/worker.ts'
import type { World } from './world.ts'

/** What can be harmed, and how many faults at once each can bear: workers are several, the others one. */
export const TARGETS = { worker: 2, postgres: 1, kafka: 1, topic: 1 } as const
export type Target = keyof typeof TARGETS

export interface Fault {
  readonly name: string
  /** Its number in docs/pitfalls.md. */
  readonly number: string
  readonly on: Target
  /** Of a choice at random. @default 2 */
  readonly weight?: number
  /** Others beside it would keep it from what it is about: never in a storm. */
  readonly alone?: true
  /** Why it cannot be done here, or null. */
  readonly missing?: (world: World) => string | null
  readonly act: (world: World) => Promise<void>
}

/** One that no other fault has in its hands. */
export function someWorker({ fleet, random }: World): Worker | undefined {
  const free = fleet.free
  return free[random.below(Math.max(1, free.length))]
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
