/**
 * A client's requests to Kafka, frame by frame, out of which fetches are taken and answered with nothing: no error, no records, for
 * ever. Everything else goes on to the broker.
 *
 *   frame  => size:i32 api_key:i16 api_version:i16 correlation_id:i32 ...
 *   answer => size:i32 correlation_id:i32 tags:0 throttle_ms:i32 error:i16 session_id:i32 topics:[] tags:0      (version 12 and on)
 */
const FETCH = 1
/** A broker with nothing new holds a fetch back for about so long. */
const HELD_MS = 400

export class EmptyFetches {
  #rest: Buffer = Buffer.alloc(0)
  readonly #answer: (answer: Buffer) => void

  constructor(answer: (answer: Buffer) => void) {
    this.#answer = answer
  }

  /** What of it is for the broker: whole frames. */
  pass(chunk: Buffer): Buffer {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const passed: Buffer[] = []
    let at = 0
    while (this.#rest.length - at >= 12) {
      const end = at + 4 + this.#rest.readInt32BE(at)
      if (this.#rest.length < end) break
      if (this.#rest.readInt16BE(at + 4) === FETCH) this.#hold(this.#rest.readInt32BE(at + 8))
      else passed.push(this.#rest.subarray(at, end))
      at = end
    }
    this.#rest = this.#rest.subarray(at)
    return Buffer.concat(passed)
  }

  #hold(correlationId: number): void {
    setTimeout(() => this.#answer(emptyFetchAnswer(correlationId)), HELD_MS)
  }
}

function emptyFetchAnswer(correlationId: number): Buffer {
  const answer = Buffer.alloc(4 + 4 + 1 + 4 + 2 + 4 + 1 + 1)
  answer.writeInt32BE(answer.length - 4, 0)
  answer.writeInt32BE(correlationId, 4)
  answer.writeUInt8(1, answer.length - 2) // a compact array's length, plus one
  return answer
}
