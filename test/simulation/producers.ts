/** Who writes the logs: clean ones and the other kinds, each with what it has to become, told apart from the product's own reading. */
import type { Dice } from './dice.ts'
import type { Effect, PartitionLog, Produced } from './partition-log.ts'
import type { Production } from './plan.ts'
import type { Schedule } from './schedule.ts'
import { WALL_START_MS } from './sim-process.ts'

const NOTHING = { rows: [], poison: [], letters: [], skipped: false } as const satisfies Effect

export class Producers {
  readonly #schedule: Schedule
  readonly #dice: Dice
  #messages = 0
  #transactions = 0n
  records = 0

  constructor(schedule: Schedule, dice: Dice) {
    this.#schedule = schedule
    this.#dice = dice
  }

  produce(log: PartitionLog, { kind, count, forMs }: Production): void {
    const records = Array.from({ length: count }, () => this.#record())
    this.records += count
    const nowMs = WALL_START_MS + Math.floor(this.#schedule.nowMs)
    switch (kind) {
      case 'plain':
        log.append(records, nowMs)
        break
      case 'thinned':
        log.append(records, nowMs, (index) => index === 0 || this.#dice.chance(0.6))
        break
      case 'compacted':
        log.compacted(this.#dice.between(1, 5))
        log.append(records, nowMs)
        break
      case 'committed':
      case 'aborted': {
        const producerId = ++this.#transactions
        log.appendOpen(producerId, records, nowMs)
        const how = kind === 'committed' ? 'commit' : 'abort'
        this.#schedule.after(forMs, () => log.endTransaction(producerId, how, nowMs))
      }
    }
  }

  #record(): Produced {
    const { value, effect } = this.#made()
    return { value: value === null ? null : Buffer.from(value), effect }
  }

  #made(): { value: string | null; effect: Effect } {
    const luck = this.#dice.next()
    if (luck < 0.8) return this.#log('')
    if (luck < 0.84) return this.#array(false)
    if (luck < 0.88) return this.#array(true)
    if (luck < 0.92) return { value: '{"level":', effect: { ...NOTHING, letters: [-1] } }
    if (luck < 0.96) return { value: luck < 0.94 ? null : '', effect: { ...NOTHING, skipped: true } }
    return luck < 0.985 ? this.#log('') : this.#log(' poison')
  }

  #log(more: string): { value: string; effect: Effect } {
    const message = `log ${++this.#messages}${more}`
    const poison = more === '' ? [] : [0]
    return { value: logOf(message), effect: { ...NOTHING, rows: [{ item: 0, message }], poison } }
  }

  #array(broken: boolean): { value: string; effect: Effect } {
    const [first, second] = [`log ${++this.#messages}`, `log ${++this.#messages}`]
    const items = broken ? [logOf(first), '5', logOf(second)] : [logOf(first), logOf(second)]
    const rows = [
      { item: 0, message: first },
      { item: broken ? 2 : 1, message: second },
    ]
    return { value: `[${items.join(',')}]`, effect: { ...NOTHING, rows, letters: broken ? [1] : [] } }
  }
}

/** As JSON; the messages need no escapes. */
function logOf(message: string): string {
  return `{"service":"auth","level":"INFO","message":"${message}","latency_ms":12}`
}
