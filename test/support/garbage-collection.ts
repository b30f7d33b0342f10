/** A full garbage collection in a worker, asked for over its inspector: what it still holds afterwards is held, and no garbage. */
import { until } from './until.ts'
import type { Worker } from './worker.ts'

/** For the environment of the worker: its inspector listens on a free port. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const

export interface Collector {
  collect(): Promise<void>
  close(): void
}

/** Needs a worker that was started as INSPECTED. */
export async function collectorOf(worker: Worker): Promise<Collector> {
  const listening = (): string | undefined => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(worker.output())?.[0]
  await until('the inspector listens', () => listening() !== undefined)
  const socket = new WebSocket(listening() ?? '')
  await new Promise((opened, failed) => {
    socket.onopen = opened
    socket.onerror = () => failed(new Error('the inspector cannot be reached'))
  })
  const waiting = new Map<number, () => void>()
  socket.onmessage = ({ data }) => {
    const { id, error } = JSON.parse(String(data)) as { id?: number; error?: { message: string } }
    if (error !== undefined) throw new Error(error.message)
    if (id !== undefined) waiting.get(id)?.()
  }
  let asked = 0
  const collect = (): Promise<void> =>
    new Promise((done) => {
      asked++
      waiting.set(asked, done)
      socket.send(JSON.stringify({ id: asked, method: 'HeapProfiler.collectGarbage' }))
    })
  return { collect, close: () => socket.close() }
}
