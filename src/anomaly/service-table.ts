/**
 * The services of a partition, bounded. When the table is full an unknown name is judged in one state that all such names share,
 * until it has come often enough lately to be no junk; then it takes the place of a service that is gone, or that never was more
 * than a few logs. An established service that is still alive never makes room.
 */
import { FrequencySketch } from './frequency-sketch.ts'
import { ServiceState } from './service-state.ts'
import type { StateBytes } from './state-bytes.ts'

/** Logs of late that show that a name is no junk. */
const ADMITTED_FROM = 16
/** From so many logs a service is established, and gone after so much silence. */
const ESTABLISHED_LOGS = 150
const GONE_BUCKETS = 6 * 360
/** Newcomers keep their place for so long. */
const GRACE_BUCKETS = 6
/** Places looked at for one newcomer; the next goes on from there. */
const STEPS = 16
const NAME_BYTES = 64

export interface Seated {
  readonly name: string
  readonly state: ServiceState
}

export class ServiceTable {
  readonly #places: Seated[] = []
  readonly #byName = new Map<string, ServiceState>()
  readonly #unknown = new FrequencySketch()
  readonly #max: number
  readonly #create: () => ServiceState
  /** Told when a service has lost its place. */
  readonly #evicted: (seated: Seated) => void
  #hand = 0
  #overflow: ServiceState | null = null
  #overflowLogs = 0

  constructor(options: {
    readonly max: number
    readonly create: () => ServiceState
    readonly evicted: (seated: Seated) => void
  }) {
    this.#max = options.max
    this.#create = options.create
    this.#evicted = options.evicted
  }

  /** Services with a state of their own. */
  get seated(): readonly Seated[] {
    return this.#places
  }

  /** The state that all other names share; null until there was one. */
  get overflow(): ServiceState | null {
    return this.#overflow
  }

  /** Logs judged in the shared state, since the partition's beginning. */
  get overflowLogs(): number {
    return this.#overflowLogs
  }

  /** About how many bytes the services take in a snapshot. */
  get bytes(): number {
    let bytes = 0
    for (const { state } of this.#places) bytes += ServiceState.bytes + state.templates.bytes + NAME_BYTES
    return bytes
  }

  of(name: string, bucket: number): ServiceState {
    return this.#byName.get(name) ?? this.#admit(name, bucket)
  }

  exchange(bytes: StateBytes): void {
    if (bytes.number(ServiceState.bytes) !== ServiceState.bytes) throw new RangeError('services of another layout')
    this.#unknown.exchange(bytes)
    this.#hand = bytes.number(this.#hand)
    this.#overflowLogs = bytes.number(this.#overflowLogs)
    if (bytes.number(this.#overflow === null ? 0 : 1) === 1) {
      this.#overflow ??= this.#create()
      this.#overflow.exchange(bytes)
    }
    const count = bytes.number(this.#places.length)
    for (let i = 0; i < count; i++) {
      const name = bytes.text(this.#places[i]?.name ?? '')
      const state = this.#places[i]?.state ?? this.#seat(i, name)
      state.exchange(bytes)
    }
  }

  #admit(name: string, bucket: number): ServiceState {
    if (this.#places.length < this.#max) return this.#seat(this.#places.length, name)
    if (this.#unknown.add(name) >= ADMITTED_FROM) {
      const place = this.#freePlace(bucket)
      if (place >= 0) return this.#seat(place, name)
    }
    this.#overflowLogs++
    this.#overflow ??= this.#create()
    return this.#overflow
  }

  #seat(place: number, name: string): ServiceState {
    const before = this.#places[place]
    if (before !== undefined) {
      this.#byName.delete(before.name)
      this.#evicted(before)
    }
    const state = this.#create()
    this.#places[place] = { name, state }
    this.#byName.set(name, state)
    return state
  }

  /** A place whose service is gone or never was one; -1 when the hand finds none nearby. */
  #freePlace(bucket: number): number {
    for (let step = 0; step < STEPS; step++) {
      const place = this.#hand
      this.#hand = (this.#hand + 1) % this.#max
      const { state } = this.#places[place]!
      const silent = bucket - state.lastLogBucket
      if (silent > (state.logs >= ESTABLISHED_LOGS ? GONE_BUCKETS : GRACE_BUCKETS)) return place
    }
    return -1
  }
}
