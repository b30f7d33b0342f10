/**
 * A scorer whose every score depends on every log of the partition before it: what was left out, repeated, swapped or learned from
 * a wrong memory shows in all scores that follow. It keeps its memory as the product's scorer does: snapshots, restore, drop.
 * Where retention took what it would have had to read again it cannot know, and says so in `source` (rules).
 */
import type { Claim } from '../../src/ledger.ts'
import type { LogEvent, ScoredLog } from '../../src/log.ts'
import type { PartitionRange, ScoredRange, Scorer, Snapshot, UnscoredRange } from '../../src/pipeline.ts'
import type { ServiceAlert } from '../../src/service-alert.ts'

const FORMAT = 1

/** The memory after one more log. */
export function chained(state: number, message: string): number {
  let next = state ^ 0x5bd1e995
  for (let i = 0; i < message.length; i++) next = Math.imul(next ^ message.charCodeAt(i), 0x01000193)
  return (next ^ (next >>> 15)) >>> 0
}

export function scoreOf(state: number): number {
  return state / 4_294_967_296
}

/** Whether a log raises an alert of its own: those that end in 0 or 8 do. */
export function alarms(message: string): boolean {
  return message.charCodeAt(message.length - 1) % 8 === 0
}

/** It bears the log's message as its service, so that it can be told whose it is. */
function alertOf({ partition, message, createdAt }: LogEvent): ServiceAlert {
  return {
    ...{ partition, service: message, kind: 'silence', sinceMs: createdAt, untilMs: null, raisedAtMs: createdAt },
    ...{ observed: 0, expected: 1, explanation: '{}' },
  }
}

/** What a snapshot holds: the memory, and whether it is known to be none. */
export const stateIn = (snapshot: Uint8Array): number => Buffer.from(snapshot).readUInt32BE(0)
export const isBlind = (snapshot: Uint8Array): boolean => snapshot[4] === 1

interface Seat {
  state: number
  /** The only offset that the next range may begin at. */
  next: number
  blind: boolean
  ranges: number
  /** Written in turns, as the product's scorer does: while one snapshot is being stored the next is taken. */
  readonly memory: readonly [Buffer, Buffer]
  snapshots: number
  /** Of the range at hand. */
  readonly alerts: ServiceAlert[]
}

export class ChainScorer implements Scorer {
  readonly #seats = new Map<number, Seat>()
  /** A snapshot is due with every so many ranges. */
  readonly #every: number
  /** For the engine's answer. */
  readonly wait: () => Promise<void>

  constructor(every: number, wait: () => Promise<void>) {
    this.#every = every
    this.wait = wait
  }

  restore({ partition, snapshot, baseOffset }: Claim): number {
    const seat: Seat =
      snapshot === null
        ? newSeat({ state: 0, next: baseOffset, blind: false })
        : newSeat({
            state: stateIn(snapshot.state),
            next: snapshot.atOffset,
            blind: isBlind(snapshot.state),
          })
    this.#seats.set(partition, seat)
    return seat.next
  }

  drop(partition: number): void {
    this.#seats.delete(partition)
  }

  /** Learned, and alerts and snapshot taken, before it returns; then a remote engine may be waited for. */
  async score(ranges: readonly UnscoredRange[]): Promise<readonly ScoredRange[]> {
    const logs = ranges.map((each) => this.judge(each))
    const scored = ranges.map(({ range }, at) => ({ logs: logs[at]!, ...this.taken(range) }))
    await this.wait()
    return scored
  }

  judge({ range, events }: UnscoredRange): readonly ScoredLog[] {
    const seat = this.#seat(range.partition)
    if (range.from !== seat.next) seat.blind = true
    seat.next = range.to
    seat.ranges++
    return events.map((event) => {
      seat.state = chained(seat.state, event.message)
      if (alarms(event.message)) seat.alerts.push(alertOf(event))
      return {
        event,
        score: scoreOf(seat.state),
        isAnomaly: false,
        source: seat.blind ? 'rules' : 'model',
        explanation: null,
      }
    })
  }

  /** What of the partition's memory leaves with the range just judged. */
  taken(range: PartitionRange): Omit<ScoredRange, 'logs'> {
    return { alerts: this.#seat(range.partition).alerts.splice(0), snapshot: this.snapshot(range) }
  }

  snapshot({ partition, to: atOffset, purpose }: PartitionRange): Snapshot | null {
    const seat = this.#seat(partition)
    if (purpose === 'warm-up' || seat.ranges % this.#every !== 0) return null
    const state = seat.memory[seat.snapshots++ % 2]!
    state.writeUInt32BE(seat.state, 0)
    state[4] = seat.blind ? 1 : 0
    return { partition, atOffset, format: FORMAT, state }
  }

  /** A range of a partition that was dropped meanwhile: its batch will be refused, and until then it is scored blindly. */
  #seat(partition: number): Seat {
    const known = this.#seats.get(partition)
    if (known !== undefined) return known
    const seat = newSeat({ state: 0, next: -1, blind: true })
    this.#seats.set(partition, seat)
    return seat
  }
}

function newSeat(begin: Pick<Seat, 'state' | 'next' | 'blind'>): Seat {
  return { ...begin, ranges: 0, memory: [Buffer.alloc(5), Buffer.alloc(5)], snapshots: 0, alerts: [] }
}
