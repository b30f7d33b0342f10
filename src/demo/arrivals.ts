/** When the believable system logs, and which service: each at its own rate, which follows the day and a surge. */
import { type Incident, incidentAt } from './incidents.ts'
import type { Random } from './random.ts'
import { type Service, SYSTEM } from './system-model.ts'

const DAY_MS = 86_400_000
/** A plain traffic surge multiplies the service's rate by this. */
const SURGE_FACTOR = 8

export interface Arrival {
  readonly service: Service
  readonly timestampMs: number
}

/** Lowest at 2:24, highest at 14:24, in [-1, 1]. */
function dayPhase(timestampMs: number): number {
  return Math.sin(2 * Math.PI * ((timestampMs % DAY_MS) / DAY_MS - 0.35))
}

const USUAL = SYSTEM.reduce((sum, { weight }) => sum + weight, 0)

function ordinaryRate(timestampMs: number): number {
  const phase = dayPhase(timestampMs)
  return SYSTEM.reduce((sum, { weight, dayRhythm }) => sum + weight * (1 + dayRhythm * phase), 0) / USUAL
}

/** When so many logs have been written, surges apart: `spacingMs` lies between two of them on an average of the day. */
export function expectedEndMs({
  startMs,
  logs,
  spacingMs,
}: {
  startMs: number
  logs: number
  spacingMs: number
}): number {
  const stepMs = Math.min(60_000, (logs * spacingMs) / 1_000)
  let endMs = startMs
  for (let left = logs; left > 0; endMs += stepMs) left -= (stepMs / spacingMs) * ordinaryRate(endMs)
  return endMs
}

export class Arrivals {
  readonly #random: Random
  readonly #incidents: readonly Incident[]
  readonly #spacingMs: number
  readonly #weights = new Float64Array(SYSTEM.length)
  #timestampMs: number

  constructor(options: { random: Random; incidents: readonly Incident[]; startMs: number; spacingMs: number }) {
    this.#random = options.random
    this.#incidents = options.incidents
    this.#timestampMs = options.startMs
    this.#spacingMs = options.spacingMs
  }

  /** A Poisson process whose rate is that of the moment before. */
  next(): Arrival {
    const total = this.#weigh()
    this.#timestampMs += ((this.#spacingMs * USUAL) / total) * -Math.log(1 - this.#random.next())
    let at = this.#random.next() * total
    const index = this.#weights.findIndex((weight) => {
      at -= weight
      return at < 0
    })
    return { service: SYSTEM[Math.max(0, index)] ?? SYSTEM[0]!, timestampMs: this.#timestampMs }
  }

  #weigh(): number {
    const phase = dayPhase(this.#timestampMs)
    let total = 0
    for (const [index, { name, weight, dayRhythm }] of SYSTEM.entries()) {
      const incident = incidentAt(this.#incidents, name, this.#timestampMs)
      const surge = incident?.kind === 'traffic_surge' ? 1 + (SURGE_FACTOR - 1) * incident.severity : 1
      const now = weight * (1 + dayRhythm * phase) * surge
      this.#weights[index] = now
      total += now
    }
    return total
  }
}
