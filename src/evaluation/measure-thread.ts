/** A thread of `evaluate`: tasks in, results out, one at a time. Loaded by `measure-pool.ts` only. */
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../errors.ts'
import type { SetTask } from './labelled-sets.ts'
import { type MeasureOptions, measure } from './measure.ts'

const options: MeasureOptions = workerData
parentPort?.on('message', (task: SetTask) => {
  measure(task, options).then(
    (results) => parentPort?.postMessage({ results }),
    (error: unknown) => parentPort?.postMessage({ failure: messageOf(error) }),
  )
})
