/** What a worker's resident memory consisted of when it was largest, by the worker's own page of metrics. */
import { readFileSync } from 'node:fs'
import type { Worker } from '../support/worker.ts'

const LOOK_MS = 250
/** A new largest one is looked at from so many more MB on: a page of metrics costs a worker that is busy. */
const STEP_MB = 5
const MB = 1024 * 1024

export interface MemoryPeak {
  readonly rssMb: number
  /** null where the worker did not answer in that moment: stopped, say. */
  readonly parts: MemoryParts | null
}

/** In MB. What is left of the whole is the program itself, compiled code, and what malloc holds. */
export interface MemoryParts {
  readonly heapUsed: number
  readonly heap: number
  /** Buffers above all, in use or not yet collected. */
  readonly external: number
  /** Fetched and not yet committed. */
  readonly buffered: number
}

export class MemoryWatch {
  readonly #workers: () => readonly Worker[]
  readonly #timer: NodeJS.Timeout
  #peak: MemoryPeak | null = null

  constructor(workers: () => readonly Worker[]) {
    this.#workers = workers
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  get peak(): MemoryPeak | null {
    return this.#peak
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    for (const worker of this.#workers()) {
      const rssMb = residentMb(worker.child.pid)
      if (rssMb < (this.#peak?.rssMb ?? 0) + STEP_MB) continue
      const peak = { rssMb, parts: null }
      this.#peak = peak
      worker.get('/metrics').then(
        ({ body }) => {
          if (this.#peak === peak) this.#peak = { rssMb, parts: partsOf(body) }
        },
        () => undefined,
      )
    }
  }
}

/** 0 where the process has just ended. */
function residentMb(pid: number | undefined): number {
  try {
    const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kb ?? 0) / 1024)
  } catch {
    return 0
  }
}

/** From the Prometheus text format. */
export function partsOf(page: string): MemoryParts {
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? 0) / MB)
  return {
    heapUsed: megabytes('nodejs_heap_size_used_bytes'),
    heap: megabytes('nodejs_heap_size_total_bytes'),
    external: megabytes('nodejs_external_memory_bytes'),
    buffered: megabytes('insighthub_buffered_bytes'),
  }
}

export function peakText({ rssMb, parts }: MemoryPeak): string {
  if (parts === null) return `the largest worker had ${rssMb} MB, and did not say of what`
  const { heap, heapUsed, external, buffered } = parts
  const rest = Math.max(0, rssMb - heap - external)
  return `the largest worker had ${rssMb} MB: heap ${heap} (${heapUsed} in use), buffers ${external} (${buffered} of them records), else ${rest}`
}
