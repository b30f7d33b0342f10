/**
 * The names under which producers send a field, and the fields of one log read by them. The first name of a row that is present
 * and not null wins; what another name held then stays in the metadata, as does everything that nobody asked for.
 */
export const FIELD_ALIASES = {
  service: ['service', 'service_name', 'serviceName', 'app', 'logger'],
  level: ['level', 'severity', 'lvl', 'log_level'],
  message: ['message', 'msg', 'text', 'body'],
  latency_ms: ['latency_ms', 'latencyMs', 'duration_ms', 'durationMs', 'responseTime', 'elapsed_ms'],
  timestamp: ['timestamp', '@timestamp', 'time', 'ts', 'datetime'],
  userId: ['userId', 'user_id', 'uid'],
} as const
type Field = keyof typeof FIELD_ALIASES

/** What a known name stands for. */
export interface Place {
  readonly field: Field
  readonly name: string
  /** Lower wins. */
  readonly rank: number
  /** One of its own for each name. */
  readonly bit: number
  /** The name and the colon as they usually stand in JSON. */
  readonly opening: Uint8Array
  /** True where logs have few distinct values. */
  readonly few: boolean
}

const PLACES: ReadonlyMap<string, Place> = new Map(
  (['service', 'level', 'message', 'latency_ms', 'timestamp', 'userId'] as const)
    .flatMap((field) => FIELD_ALIASES[field].map((name, rank) => ({ field, name, rank })))
    .map((place, index) => {
      const few = place.field === 'service' || place.field === 'level'
      return [place.name, { ...place, bit: 1 << index, opening: Buffer.from(`"${place.name}":`), few }]
    }),
)

/** By length and first letter: few share both. */
const PLACES_BY_SHAPE: Place[][] = []
for (const place of PLACES.values()) {
  const shape = shapeOf(place.name.length, place.name.charCodeAt(0))
  PLACES_BY_SHAPE[shape] = [...(PLACES_BY_SHAPE[shape] ?? []), place]
}

function shapeOf(length: number, first: number): number {
  return length * 128 + first
}

/** The known name at [start, end) of ASCII bytes, found without making a string of it; null where it is none. */
export function placeAt(bytes: Uint8Array, start: number, end: number): Place | null {
  const candidates = PLACES_BY_SHAPE[shapeOf(end - start, bytes[start]!)]
  if (candidates === undefined) return null
  for (const place of candidates) if (isNamed(place, bytes, start)) return place
  return null
}

function isNamed({ name, opening }: Place, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== opening[i + 1]) return false
  return true
}

interface Slot {
  name: string
  rank: number
  value: unknown
}

/** The fields of one log; undefined where none was sent. */
export class Fields {
  /** Name and value pairs in the order sent: an array, because `__proto__` and its like are names as any other. */
  readonly extras: [string, unknown][] = []
  readonly #slots: Record<Field, Slot> = {
    service: emptySlot(),
    level: emptySlot(),
    message: emptySlot(),
    latency_ms: emptySlot(),
    timestamp: emptySlot(),
    userId: emptySlot(),
  }

  /** How many there were, those left out included. */
  extraCount = 0
  /** Bits of the places put once. */
  #put = 0
  readonly #extrasMax: number

  /** A member takes 4 bytes and more: beyond a quarter of the limit's bytes the extras are too large whatever they hold. */
  constructor(metadataBytesMax: number) {
    this.#extrasMax = Math.ceil(metadataBytesMax / 4) + 1
  }

  /** Each name at most once. */
  put(name: string, value: unknown): void {
    const place = PLACES.get(name)
    if (place === undefined) this.#extra(name, value)
    else this.#known(place, value)
  }

  /** False for a name that was put before, since the last `clear`. */
  putOnce(place: Place, value: unknown): boolean {
    if ((this.#put & place.bit) !== 0) return false
    this.#put |= place.bit
    this.#known(place, value)
    return true
  }

  #known(place: Place, value: unknown): void {
    if (value === null) return
    const { name } = place
    const slot = this.#slots[place.field]
    if (slot.value === undefined) {
      slot.name = name
      slot.rank = place.rank
      slot.value = value
    } else if (place.rank < slot.rank) {
      this.#extra(slot.name, slot.value)
      slot.name = name
      slot.rank = place.rank
      slot.value = value
    } else {
      this.#extra(name, value)
    }
  }

  get(field: Field): unknown {
    return this.#slots[field].value
  }

  clear(): void {
    this.#put = 0
    if (this.extras.length > 0) this.extras.length = 0
    this.extraCount = 0
    const slots = this.#slots
    slots.service.value = undefined
    slots.level.value = undefined
    slots.message.value = undefined
    slots.latency_ms.value = undefined
    slots.timestamp.value = undefined
    slots.userId.value = undefined
  }

  /** Reads a parsed object. */
  fill(log: object): void {
    this.clear()
    for (const name of Object.keys(log)) {
      if (this.extras.length < this.#extrasMax || PLACES.has(name)) this.put(name, Reflect.get(log, name))
      else this.extraCount++
    }
  }

  #extra(name: string, value: unknown): void {
    this.extras.push([name, value])
    this.extraCount++
  }
}

function emptySlot(): Slot {
  return { name: '', rank: 0, value: undefined }
}
