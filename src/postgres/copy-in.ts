/**
 * One simple query with COPYs in it, as pg's Submittable.
 *
 *   -> Query "COPY a ...; COPY b ...; insert ...; select ..."
 *   <- CopyInResponse       -> CopyData* CopyDone       once for each COPY, in turn
 *   <- CommandComplete ... ReadyForQuery
 *
 * A simple query of several statements is one implicit transaction: any error rolls all of it back. It needs nothing of the
 * session, so it works behind a pooler in transaction mode.
 */

import type { Duplex } from 'node:stream'
import type { Connection, Submittable } from 'pg'
import { failpoint } from '../failpoint.ts'

/** Measured: smaller frames cost calls, one huge frame costs a fifth of the speed. */
const FRAME_BYTES = 64 * 1024
const COPY_DATA = 0x64
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4])

class CopyQuery implements Submittable {
  readonly done: Promise<void>
  readonly #text: string
  readonly #files: readonly Buffer[]
  #next = 0
  #stream: Duplex | null = null
  #resolve: () => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  constructor(text: string, files: readonly Buffer[]) {
    this.#text = text
    this.#files = files
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    this.#stream = connection.stream
    connection.query(this.#text)
  }

  handleCopyInResponse(): void {
    const file = this.#files[this.#next++]
    const stream = this.#stream
    if (file === undefined || stream === null) {
      this.#reject(new Error('PostgreSQL asked for more COPY data than there is'))
      stream?.destroy()
      return
    }
    stream.cork()
    for (let at = 0; at < file.length; at += FRAME_BYTES) {
      const frame = file.subarray(at, at + FRAME_BYTES)
      const header = Buffer.allocUnsafe(5)
      header[0] = COPY_DATA
      header.writeInt32BE(4 + frame.length, 1)
      stream.write(header)
      stream.write(frame)
      if (at <= file.length >> 1 && at + FRAME_BYTES > file.length >> 1) {
        // Half of it is on its way before the other half is even written.
        stream.uncork()
        failpoint('mid_copy')
        stream.cork()
      }
    }
    stream.write(COPY_DONE)
    stream.uncork()
    if (this.#next === this.#files.length) failpoint('after_copy')
  }

  handleError(error: Error): void {
    this.#reject(error)
  }

  handleReadyForQuery(): void {
    this.#resolve()
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

/**
 * Resolves when the server has committed all of it. After a rejection the connection must be destroyed: the rest of the data
 * may still be on its way, and the files' memory must not be written to before that.
 */
export function runCopy(
  client: { query<T extends Submittable>(submittable: T): T },
  text: string,
  files: readonly Buffer[],
): Promise<void> {
  return client.query(new CopyQuery(text, files)).done
}
