/** A thread that runs chunks of seeds, one after the other, as it is told. */
import { parentPort } from 'node:worker_threads'
import { planOf } from './plan.ts'
import type { Chunk, ChunkResult } from './seeds.ts'
import { simulate } from './simulate.ts'

async function run({ from, to }: Chunk): Promise<ChunkResult> {
  const failures: ChunkResult['failures'][number][] = []
  const total = { records: 0, rows: 0, faults: 0, steps: 0, virtualMs: 0 }
  for (let seed = from; seed < to; seed++) {
    const outcome = await simulate(planOf(seed))
    for (const name of ['records', 'rows', 'faults', 'steps', 'virtualMs'] as const) total[name] += outcome[name]
    if (outcome.violation !== null)
      failures.push({ seed, invariant: outcome.violation.invariant, message: outcome.violation.message })
  }
  return { from, to, failures, ...total }
}

parentPort?.on('message', (chunk: Chunk) => {
  void run(chunk).then((result) => parentPort?.postMessage(result))
})
