/** Harm done to workers: killed, stopped, told to go, held up, led astray. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAILPOINTS } from '../../src/failpoint.ts'
import { type Behaviour, startStubEngine } from '../support/stub-engine.ts'
import { type Fault, replaced, someWorker, within } from './fault.ts'
import { isStopped, SESSION_MS, type World } from './world.ts'

const LIBFAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'
/** Long enough for the slowest machine to come to the failpoint; nothing waits for it there. */
const FAILPOINT_MS = 180_000

const ILL_ENGINES: readonly Behaviour[] = [
  () => undefined, // never answers
  (_, answer) => void answer.destroy(),
  (_, answer) => void answer.writeHead(500).end('{"error":"out of memory"}'),
  (_, answer) => void answer.writeHead(200, { 'content-type': 'application/json' }).end('{"results":['),
  (_, answer) => {
    answer.writeHead(200, { 'content-type': 'application/json' })
    const block = Buffer.alloc(1 << 20, 0x20)
    const more = (): void => {
      if (!answer.destroyed && answer.write(block)) setImmediate(more)
      else if (!answer.destroyed) answer.once('drain', more)
    }
    more()
  },
]

/** One worker that hears nothing for so long. */
async function stopped(world: World, forMs: number): Promise<void> {
  const worker = someWorker(world)
  if (worker === undefined) return
  await world.fleet.hold(worker, async () => {
    worker.kill('SIGSTOP')
    await sleep(forMs)
    worker.kill('SIGCONT')
  })
}

export const WORKER_FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 of a worker',
    number: 'F1',
    on: 'worker',
    weight: 4,
    act: async (world) => void (await replaced(world, {})),
  },
  {
    name: 'kill -9 at a failpoint',
    number: 'F1',
    on: 'worker',
    weight: 6,
    act: async (world) => {
      const point = FAILPOINTS[world.random.below(FAILPOINTS.length)] ?? 'after_copy'
      const doomed = await replaced(world, { FAILPOINT: `${point}:kill:${1 + world.random.below(3)}` })
      await world.fleet.hold(doomed, () => within(10_000, () => doomed.child.signalCode !== null))
    },
  },
  {
    name: 'stopped past its session, then continued',
    number: 'F2',
    on: 'worker',
    weight: 3,
    act: async (world) => {
      await stopped(world, SESSION_MS + 3_000)
    },
  },
  {
    name: 'stopped in the middle of its transaction',
    number: 'F2',
    on: 'worker',
    weight: 3,
    act: async (world) => {
      const point = world.random.next() < 0.5 ? 'mid_copy' : 'before_copy'
      const zombie = await replaced(world, { FAILPOINT: `${point}:stop:2` })
      await world.fleet.hold(zombie, async () => {
        await within(10_000, () => isStopped(zombie.child.pid ?? 0))
        // It would come to it later, with nobody there to continue it.
        if (!isStopped(zombie.child.pid ?? 0)) return await world.fleet.kill(zombie)
        await sleep(SESSION_MS + 2_000)
        zombie.kill('SIGCONT')
      })
      world.fleet.refill(world.options.workers)
    },
  },
  {
    name: 'a short pause',
    number: 'F2',
    on: 'worker',
    act: async (world) => {
      await stopped(world, 500 + world.random.below(2_500))
    },
  },
  {
    name: 'SIGTERM, exit 0 in time',
    number: 'F20',
    on: 'worker',
    weight: 3,
    act: async (world) => {
      const leaver = someWorker(world)
      if (leaver !== undefined) {
        await world.fleet.hold(leaver, async () => {
          // One that has just been started has nothing to say goodbye to.
          await within(20_000, () => leaver.output() !== '')
          await world.fleet.stop(leaver)
        })
      }
      world.fleet.start()
    },
  },
  {
    name: 'event loop blocked, shorter and longer than the session',
    number: 'F21',
    on: 'worker',
    act: async (world) => {
      const ms = world.random.next() < 0.5 ? 3_000 : SESSION_MS + 3_000
      const blocked = await replaced(world, { FAILPOINT: `after_score:block=${ms}:2` })
      await world.fleet.hold(blocked, () => sleep(ms + 2_000))
    },
  },
  {
    name: 'members join and leave every second',
    number: 'F12',
    on: 'worker',
    act: async (world) => {
      for (let turn = 0; turn < 6; turn++) {
        const guest = world.fleet.start()
        await world.fleet.hold(guest, () => sleep(1_000 + world.random.below(1_000)))
        if (world.random.next() < 0.5) await world.fleet.kill(guest)
        else void world.fleet.stop(guest)
      }
      await within(35_000, () => world.fleet.workers.length <= world.options.workers)
    },
  },
  {
    name: 'a wall clock an hour or a day off',
    number: 'F22',
    on: 'worker',
    missing: () => (existsSync(LIBFAKETIME) ? null : 'libfaketime is not installed'),
    act: async (world) => {
      const shift = ['-1h', '-1d', '+2m'][world.random.below(3)] ?? '-1h'
      const astray = await replaced(world, { LD_PRELOAD: LIBFAKETIME, FAKETIME: shift, DONT_FAKE_MONOTONIC: '1' })
      await world.fleet.hold(astray, () => sleep(6_000))
      await world.fleet.kill(astray)
      world.fleet.start()
    },
  },
  {
    name: 'an ML engine that is silent, broken, lying or without end',
    number: 'F18',
    on: 'worker',
    act: async (world) => {
      const engine = await startStubEngine(ILL_ENGINES[world.random.below(ILL_ENGINES.length)] ?? (() => undefined))
      const asking = await replaced(world, { ML_ENGINE_URL: engine.url.href })
      await world.fleet.hold(asking, async () => {
        await within(20_000, () => engine.asked.length > 0)
        await sleep(4_000)
        await engine.close() // and dead at last
        await sleep(2_000)
      })
      await world.fleet.kill(asking)
      world.fleet.start()
    },
  },
]

/** kill -9 at each failpoint in turn: those of a batch at its second, those of an assignment at their first. */
export const FAILPOINT_FAULTS: readonly Fault[] = FAILPOINTS.map((point) => ({
  name: `kill -9 at ${point}`,
  number: 'F1',
  on: 'worker',
  act: async (world) => {
    const isOnce = point === 'in_claim' || point === 'after_claim' || point === 'in_revoke' || point === 'in_warm_up'
    const doomed = await replaced(world, { FAILPOINT: `${point}:kill:${isOnce ? 1 : 2}` })
    // A member that joins makes the others give back; then the doomed one does.
    if (point === 'in_revoke') await doomed.ready().then(() => world.fleet.start())
    await within(FAILPOINT_MS, () => doomed.child.signalCode !== null)
    if (doomed.child.signalCode === null) throw new Error(`${point} was not reached in ${FAILPOINT_MS / 1000} s`)
  },
}))
