/** Several sets at once, each in a thread of its own; results in the order of the tasks. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { SetTask } from './labelled-sets.ts'
import type { MeasureOptions } from './measure.ts'
import type { SetResult } from './set-result.ts'

/** A set that could not be measured, and why. */
export interface LeftOut {
  readonly name: string
  readonly reason: string
}

export interface Measured {
  readonly results: readonly SetResult[]
  readonly leftOut: readonly LeftOut[]
}

type Answer = { readonly results: readonly SetResult[] } | { readonly failure: string }

/** `done` is told each set as it is finished. */
export async function measureAll(
  tasks: readonly SetTask[],
  options: MeasureOptions & { readonly threads: number },
  done: (task: SetTask, seconds: number) => void,
): Promise<Measured> {
  const answers: Answer[] = []
  const waiting = [...tasks.entries()]
  const thread = async (): Promise<void> => {
    const { settings, python } = options
    const worker = new Worker(new URL(`./measure-thread${extname(import.meta.filename)}`, import.meta.url), {
      workerData: { settings, python },
    })
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const startedMs = performance.now()
        answers[next[0]] = await ask(worker, next[1])
        done(next[1], (performance.now() - startedMs) / 1000)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.threads, tasks.length) }, thread))
  const leftOut = answers.flatMap((answer, i) =>
    'failure' in answer ? [{ name: tasks[i]?.name ?? '', reason: answer.failure }] : [],
  )
  return { results: answers.flatMap((answer) => ('results' in answer ? answer.results : [])), leftOut }
}

function ask(worker: Worker, task: SetTask): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.postMessage(task)
  return promise.finally(() => {
    worker.removeListener('message', resolve)
    worker.removeListener('error', reject)
  })
}
