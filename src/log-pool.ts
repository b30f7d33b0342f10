/**
 * Logs whose objects are used again. A log lives while its batch is scored and while it is stored; by then V8 has copied it twice and moved
 * it to the old generation, which costs more than reading it did. So the objects stay, and so do the texts of a log: in the bytes of its
 * record, until somebody asks for them.
 */
import { FORM, type Form, stringAt } from './json-string.ts'
import { type EpochMs, epochMs, type Level, type LogEvent, type ScoredLog } from './log.ts'
import { VerbatimJson } from './verbatim-json.ts'

const NO_BYTES = Buffer.alloc(0)
/** Kept for later: the logs of two large batches, some 6 MB. */
const FREE_MAX = 20_000

type Judgement = { -readonly [Name in keyof ScoredLog]: ScoredLog[Name] }

/** A log whose texts lie in the bytes of its record, the JSON of its metadata as it was sent. Taken from a pool, written once, judged once, and given back. */
export class PooledLog implements LogEvent {
  partition = 0
  offset = 0
  readonly item = 0
  service = ''
  level: Level = 'INFO'
  createdAt: EpochMs = epochMs(0)
  recordTimestamp: EpochMs = epochMs(0)
  /** Where the message lies, and the user id, which has no escapes; -1 bytes: none. */
  bytes: Buffer = NO_BYTES
  messageAt = 0
  messageBytes = 0
  messageForm: Form = FORM.ascii
  userIdAt = 0
  userIdBytes = -1
  /** -1: none. */
  latency = -1
  /** Bytes of the metadata's JSON; 0: none. */
  metadataBytes = 0
  /** Of logs that had metadata once. */
  #metadata: VerbatimJson | null = null
  /** By somebody who has not given it back. */
  taken = false
  readonly #judgement: Judgement = { event: this, score: 0, isAnomaly: false, source: 'model', explanation: null }

  get message(): string {
    return stringAt(this.bytes, this.messageAt, this.messageAt + this.messageBytes, this.messageForm)
  }

  get userId(): string | null {
    return this.userIdBytes < 0 ? null : this.bytes.toString('utf8', this.userIdAt, this.userIdAt + this.userIdBytes)
  }

  get metadata(): string | null {
    return this.metadataBytes === 0 || this.#metadata === null ? null : this.#metadata.textOf(this.bytes)
  }

  /** `json` lies in the bytes of the log, and may be used for another afterwards. */
  keepMetadata(json: VerbatimJson): void {
    this.metadataBytes = json.length
    if (json.length === 0) return
    this.#metadata ??= new VerbatimJson()
    this.#metadata.copy(json)
  }

  /** Writes `metadataBytes` bytes. */
  writeMetadata(target: Buffer, at: number): void {
    this.#metadata?.writeTo(target, at, this.bytes)
  }

  get latencyMs(): number | null {
    return this.latency < 0 ? null : this.latency
  }

  /** The log as the model judges it: the same object each time, so it is asked once. */
  judged(score: number, isAnomaly: boolean, explanation: string | null): ScoredLog {
    const judgement = this.#judgement
    judgement.score = score
    judgement.isAnomaly = isAnomaly
    judgement.explanation = explanation
    return judgement
  }

  /** Holds on to nothing. */
  clear(): void {
    this.bytes = NO_BYTES
    this.#judgement.explanation = null
    this.taken = false
  }
}

export class LogPool {
  readonly #free: PooledLog[] = []
  /** How many of them are free; what lies behind is out. */
  #count = 0

  /** One to be written, with what it held before. */
  take(): PooledLog {
    const log = this.#count > 0 ? this.#free[--this.#count]! : new PooledLog()
    log.taken = true
    return log
  }

  /** Of a batch that is settled: nobody looks at these logs any more. Other logs are left to the garbage collector. */
  release(logs: readonly ScoredLog[]): void {
    for (const { event } of logs) {
      if (!(event instanceof PooledLog) || !event.taken) continue
      event.clear()
      if (this.#count < FREE_MAX) this.#free[this.#count++] = event
    }
  }
}
