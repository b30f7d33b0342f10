/**
 * One simple query with COPYs in it, as pg's Submittable.
 *
 *   -> Query "COPY a ...; COPY b ...; insert ...; select ..."
 *   -> CopyData* CopyDone                               once for each COPY, in turn
 *   <- CopyInResponse* CommandComplete* ReadyForQuery
 *
 * The data does not wait for the server to ask for it: this thread may be busy with the next batch by then, for longer than the
 * whole transaction takes. The server reads in order, and leaves unread what comes for a COPY that an error has ended
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY: "accept and ignore").
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

/** In COPY's format, whole or in pieces. Each piece leaves before the next one is asked for; it must stay as it is until the server has answered. */
export type CopyData = Buffer | Iterable<Buffer>

class CopyQuery implements Submittable {
  readonly done: Promise<void>
  readonly #text: string
  readonly #files: readonly CopyData[]
  #asked = 0
  #stream: Duplex | null = null
  #resolve: () => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  constructor(text: string, files: readonly CopyData[]) {
    this.#text = text
    this.#files = files
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    const { stream } = connection
    this.#stream = stream
    stream.cork()
    connection.query(this.#text)
    for (const file of this.#files) this.#send(file, stream)
    stream.uncork()
    if (this.#files.length > 0) failpoint('after_copy')
  }

  handleCopyInResponse(): void {
    if (this.#asked++ < this.#files.length) return
    this.#reject(new Error('PostgreSQL asked for more COPY data than there is'))
    this.#stream?.destroy()
  }

  #send(file: CopyData, stream: Duplex): void {
    let first = true
    for (const piece of Buffer.isBuffer(file) ? [file] : file) {
      for (const frame of framesOf(piece)) {
        const header = Buffer.allocUnsafe(5)
        header[0] = COPY_DATA
        header.writeInt32BE(4 + frame.length, 1)
        stream.write(header)
        stream.write(frame)
      }
      stream.uncork()
      // On its way, before the next piece is even made.
      if (first) failpoint('mid_copy')
      first = false
      stream.cork()
    }
    stream.write(COPY_DONE)
  }

  handleError(error: Error): void {
    this.#reject(error)
  }

  handleReadyForQuery(): void {
    if (this.#asked === this.#files.length) this.#resolve()
    else this.#reject(new Error(`PostgreSQL took ${this.#asked} of ${this.#files.length} files of COPY data`))
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

function* framesOf(piece: Buffer): Generator<Buffer> {
  for (let at = 0; at < piece.length; at += FRAME_BYTES) yield piece.subarray(at, at + FRAME_BYTES)
}

/**
 * Resolves when the server has committed all of it. After a rejection the connection must be destroyed: the rest of the data
 * may still be on its way, and the files' memory must not be written to before that.
 */
export function runCopy(
  client: { query<T extends Submittable>(submittable: T): T },
  text: string,
  files: readonly CopyData[],
): Promise<void> {
  return client.query(new CopyQuery(text, files)).done
}
