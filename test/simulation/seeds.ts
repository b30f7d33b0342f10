/** Many seeds, shared out over the machine's cores. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/** Seeds from `from` on, before `to`. */
export interface Chunk {
  readonly from: number
  readonly to: number
}

export interface Failure {
  readonly seed: number
  readonly invariant: string
  readonly message: string
}

export interface ChunkResult extends Chunk {
  readonly failures: readonly Failure[]
  readonly records: number
  readonly rows: number
  readonly faults: number
  readonly steps: number
  readonly virtualMs: number
}

const CHUNK_SEEDS = 50

/** Runs them all; `finished` hears of every chunk, in the order in which they end. Stops early when it answers false. */
export async function runSeeds(
  { from, to }: Chunk,
  finished: (result: ChunkResult) => boolean,
  jobs: number = availableParallelism(),
): Promise<void> {
  let next = from
  let stopped = false
  const take = (): Chunk | null => {
    if (next >= to || stopped) return null
    const chunk = { from: next, to: Math.min(to, next + CHUNK_SEEDS) }
    next = chunk.to
    return chunk
  }
  await Promise.all(
    Array.from({ length: jobs }, () =>
      runThread(take, (result) => {
        if (!finished(result)) stopped = true
      }),
    ),
  )
}

function runThread(take: () => Chunk | null, finished: (result: ChunkResult) => void): Promise<void> {
  const worker = new Worker(new URL('./seeds-worker.ts', import.meta.url))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const give = (): void => {
    const chunk = take()
    if (chunk === null) resolve()
    else worker.postMessage(chunk)
  }
  worker.on('message', (result: ChunkResult) => {
    finished(result)
    give()
  })
  worker.on('error', reject)
  give()
  return promise.finally(() => void worker.terminate())
}
