/**
 * What has to be known before a process starts, so that it stays small. The start script of package.json and the image say the same.
 * glibc: one arena of malloc instead of one a thread is 20 MB less resident; and what takes 128 KiB or more gets pages of its own, which
 * go when it goes: by default glibc learns from the first large message to keep them, 200 MB after some; and from 2 MiB on only, 30 MB of
 * what a long backlog brought stayed between what is in use. The pages cost some 4 % of the CPU (`bench --only drain`
 * with the one and the other). V8: a young generation of half the size is 16 MB less, which the old one makes better use of (heap.ts).
 */
export function workerEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...MALLOC, ...env }
}

export const MALLOC = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '8388608',
} as const

export const WORKER_FLAGS: readonly string[] = ['--max-semi-space-size=8']
