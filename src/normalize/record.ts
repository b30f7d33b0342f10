/** One record to its logs, or to the reason why it has none. */
import type { LogEvent, RawRecord, Reject, RejectReason, SkipReason } from '../log.ts'
import type { LogPool } from '../log-pool.ts'
import { PackedRecord, recordBytes } from '../packed-records.ts'
import { Fields } from './aliases.ts'
import { Coercions } from './coercions.ts'
import { FlatJson } from './flat-json.ts'
import { flatLogEvent } from './flat-log.ts'
import { parseExactly } from './json-text.ts'
import type { NormalizeLimits } from './limits.ts'
import { logEventOf, type RecordPlace } from './log-event.ts'
import { type Message, nameOfType, openMessage } from './message.ts'
import { serviceHint } from './service-hint.ts'

/** Where the outcomes of a range are collected. */
export interface Outcomes {
  readonly events: LogEvent[]
  readonly rejects: Reject[]
  readonly skips: Partial<Record<SkipReason, number>>
}

/** Reading numbers exactly is slow: longer texts keep what a double makes of them. */
const EXACT_TEXT_LENGTH_MAX = 65_536
/** A longer one is hardly flat, and not worth a scan that may have to be given up. */
const FLAT_BYTES_MAX = 65_536
const OBJECT = 0x7b
const NO_NOTES: readonly string[] = []

const NOWHERE: Outcomes = { events: [], rejects: [], skips: {} }

/** Reads the records of one range after the other. Between ranges it keeps scratch space and few short texts, and holds no record. */
export class RecordReader {
  readonly #limits: NormalizeLimits
  #outcomes = NOWHERE
  readonly #pool: LogPool | null
  readonly #fields: Fields
  readonly #flat = new FlatJson()
  readonly #coercions = new Coercions()

  constructor(limits: NormalizeLimits, pool: LogPool | null) {
    this.#limits = limits
    this.#fields = new Fields(limits.metadataBytesMax)
    this.#pool = pool
  }

  /** What is read from now on is collected there. */
  begin(outcomes: Outcomes): void {
    this.#outcomes = outcomes
  }

  end(): void {
    this.#outcomes = NOWHERE
    this.#flat.letGo()
    this.#fields.clear()
    this.#coercions.clear()
  }

  read(record: RawRecord, place: RecordPlace): void {
    if (this.#isFlat(record)) {
      const event = flatLogEvent(this.#flat, place, this.#limits, this.#pool)
      if (event !== null) {
        this.#outcomes.events.push(event)
        return
      }
      if (this.#flat.fill(this.#fields)) {
        this.#pushFields(place, 0, NO_NOTES)
        return
      }
    }
    const message = openMessage(record, this.#limits)
    const { skips } = this.#outcomes
    switch (message.kind) {
      case 'skip':
        skips[message.reason] = (skips[message.reason] ?? 0) + 1
        break
      case 'refused':
        this.#reject({ record, place, item: -1 }, message.reason, message.detail)
        break
      case 'plaintext':
        this.#fields.clear()
        this.#fields.put('message', message.text)
        this.#pushFields(place, 0, message.notes)
        break
      case 'logs':
        this.#pushLogs(message, record, place)
        break
    }
  }

  /** What most records are; the flat reader then has its members. */
  #isFlat(record: RawRecord): boolean {
    if (recordBytes(record) > this.#limits.messageBytesMax) return false
    if (record instanceof PackedRecord) {
      const { bytes, valueAt, valueBytes } = record
      if (valueBytes <= 0 || bytes[valueAt] !== OBJECT || valueBytes > FLAT_BYTES_MAX) return false
      return this.#flat.read(bytes, valueAt, valueAt + valueBytes)
    }
    const { value } = record
    if (value === null || value[0] !== OBJECT || value.length > FLAT_BYTES_MAX) return false
    return this.#flat.read(value, 0, value.length)
  }

  /** All over again, exactly, where a number was met that a double cannot hold. */
  #pushLogs(message: Message & { kind: 'logs' }, record: RawRecord, place: RecordPlace): void {
    const { events, rejects } = this.#outcomes
    const eventsBefore = events.length
    const rejectsBefore = rejects.length
    const exact = this.#pushAll(message.logs, { record, place, notes: message.notes })
    if (exact || message.text.length > EXACT_TEXT_LENGTH_MAX) return
    events.length = eventsBefore
    rejects.length = rejectsBefore
    this.#pushAll(parseExactly(message.text), { record, place, notes: [...message.notes, 'number_as_text'] })
  }

  /** False where a number was garbled. */
  #pushAll(logs: unknown, from: { record: RawRecord; place: RecordPlace; notes: readonly string[] }): boolean {
    if (!Array.isArray(logs)) return this.#pushLog(logs, from, 0)
    let exact = true
    for (let item = 0; item < logs.length; item++) {
      if (!this.#pushLog(logs[item], from, item)) exact = false
    }
    return exact
  }

  #pushLog(
    log: unknown,
    from: { record: RawRecord; place: RecordPlace; notes: readonly string[] },
    item: number,
  ): boolean {
    const { record, place, notes } = from
    if (typeof log !== 'object' || log === null || Array.isArray(log)) {
      this.#reject({ record, place, item }, 'bad_item', `Element ${item} is ${nameOfType(log)}, not a JSON object`)
      return true
    }
    this.#fields.fill(log)
    return this.#pushFields(place, item, notes)
  }

  #pushFields(place: RecordPlace, item: number, notes: readonly string[]): boolean {
    const coercions = this.#coercions
    coercions.clear()
    for (const note of notes) coercions.note(note)
    this.#outcomes.events.push(logEventOf(this.#fields, coercions, { place, item, limits: this.#limits }))
    return !coercions.inexactNumber
  }

  #reject(at: { record: RawRecord; place: RecordPlace; item: number }, reason: RejectReason, detail: string): void {
    const { partition, offset } = at.place
    const { item } = at
    // The object may be moved along to the next one.
    const record = at.record instanceof PackedRecord ? at.record.copy() : at.record
    const service = serviceHint(record.value)
    this.#outcomes.rejects.push({ partition, offset, item, reason, detail, service, sqlstate: null, record })
  }
}
