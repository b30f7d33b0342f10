/**
 * A scorer whose every score depends on every log of the partition before it: what was left out, repeated, swapped or learned from
 * a wrong memory shows in all scores that follow. It keeps its memory as the product's scorer does: snapshots, restore, drop.
 * Where retention took what it would have had to read again it cannot know, and says so in `source` (rules).
 */
import type { Claim } from '../../src/ledger.ts'
import type { LogEvent, ScoredLog } from '../../src/log.ts'
import type { PartitionRange, Scorer, Snapshot } from '../../src/pipeline.ts'
import type { ServiceAlert } from '../../src/service-alert.ts'

const FORMAT = 1
const NO_ALERTS: readonly ServiceAlert[] = []

/** The memory after one more log. */
export function chained(state: number, message: string): number {
  let next = state ^ 0x5bd1e995
  for (let i = 0; i < message.length; i++) next = Math.imul(next ^ message.charCodeAt(i), 0x01000193)
  return (next ^ (next >>> 15)) >>> 0
}

export function scoreOf(state: number): number {
  return state / 4_294_967_296
}

interface Seat {
  state: number
  /** The only offset that the next range may begin at. */
  next: number
  blind: boolean
  ranges: number
  /** Written in turns, as the product's scorer does: while one snapshot is being stored the next is taken. */
  readonly memory: readonly [Buffer, Buffer]
  snapshots: number
}

export class ChainScorer implements Scorer {
  readonly #seats = new Map<number, Seat>()
  /** A snapshot is due with every so many ranges. */
  readonly #every: number

  constructor(every: number) {
    this.#every = every
  }

  restore({ partition, snapshot, baseOffset }: Claim): number {
    const seat: Seat =
      snapshot === null
        ? newSeat({ state: 0, next: baseOffset, blind: false })
        : newSeat({
            state: Buffer.from(snapshot.state).readUInt32BE(0),
            next: snapshot.atOffset,
            blind: snapshot.state[4] === 1,
          })
    this.#seats.set(partition, seat)
    return seat.next
  }

  drop(partition: number): void {
    this.#seats.delete(partition)
  }

  /** Told of every range before its logs are scored. */
  begins(range: PartitionRange): void {
    const seat = this.#seat(range.partition)
    if (range.from !== seat.next) seat.blind = true
    seat.next = range.to
    seat.ranges++
  }

  async score(events: readonly LogEvent[]): Promise<readonly ScoredLog[]> {
    return events.map((event) => {
      const seat = this.#seat(event.partition)
      seat.state = chained(seat.state, event.message)
      return {
        event,
        score: scoreOf(seat.state),
        isAnomaly: false,
        source: seat.blind ? 'rules' : 'model',
        explanation: null,
      }
    })
  }

  snapshot({ partition, to: atOffset, purpose }: PartitionRange): Snapshot | null {
    const seat = this.#seat(partition)
    if (purpose === 'warm-up' || seat.ranges % this.#every !== 0) return null
    const state = seat.memory[seat.snapshots++ % 2]!
    state.writeUInt32BE(seat.state, 0)
    state[4] = seat.blind ? 1 : 0
    return { partition, atOffset, format: FORMAT, state }
  }

  alerts(): readonly ServiceAlert[] {
    return NO_ALERTS
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
  return { ...begin, ranges: 0, memory: [Buffer.alloc(5), Buffer.alloc(5)], snapshots: 0 }
}
