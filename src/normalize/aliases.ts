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

interface Place {
  readonly field: Field
  /** Lower wins. */
  readonly rank: number
}

const PLACES: ReadonlyMap<string, Place> = new Map(
  (['service', 'level', 'message', 'latency_ms', 'timestamp', 'userId'] as const).flatMap((field) =>
    FIELD_ALIASES[field].map((name, rank): [string, Place] => [name, { field, rank }]),
  ),
)

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
  readonly #extrasMax: number

  /** A member takes 4 bytes and more: beyond a quarter of the limit's bytes the extras are too large whatever they hold. */
  constructor(metadataBytesMax: number) {
    this.#extrasMax = Math.ceil(metadataBytesMax / 4) + 1
  }

  /** Each name at most once. */
  put(name: string, value: unknown): void {
    const place = PLACES.get(name)
    if (place === undefined) {
      this.#extra(name, value)
      return
    }
    if (value === null) return
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
    this.extras.length = 0
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
