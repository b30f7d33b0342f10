/**
 * Standard output and error may lose their reader (`| head -1`, a log collector that died) or their disk. A write that is lost
 * is an event on the stream, and unheard it would end the process in the middle of its work, with a stack trace.
 */

type Stream = Pick<NodeJS.WriteStream, 'on'>

/** EPIPE: nobody reads any more. EIO: the terminal is gone. */
const READER_GONE: readonly string[] = ['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED']

export function isReaderGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && READER_GONE.includes(String(error.code))
}

/** Hears of everything that could not be written from now on, so that nothing ends because of it. */
export class OutputWatch {
  #failure: Error | null = null

  constructor(streams: readonly Stream[]) {
    const hear = (error: Error): void => {
      if (!isReaderGone(error)) this.#failure ??= error
    }
    for (const stream of streams) stream.on('error', hear)
  }

  /** The first write lost while somebody may have wanted it: a full disk, say. null: none. */
  get failure(): Error | null {
    return this.#failure
  }
}
