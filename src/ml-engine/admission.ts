/** How much the engine takes on at once. What is beyond is refused at the door, so that what is inside gets done. */

export interface AdmissionLimits {
  readonly requestsMax: number
  /** Sum of the bodies, as declared or as the route allows. */
  readonly bytesMax: number
}

export class Admission {
  readonly #limits: AdmissionLimits
  #requests = 0
  #bytes = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  get requests(): number {
    return this.#requests
  }

  /** A single request is admitted whatever its size: its route has a limit of its own. */
  enter(bytes: number): boolean {
    const { requestsMax, bytesMax } = this.#limits
    if (this.#requests >= requestsMax || (this.#requests > 0 && this.#bytes + bytes > bytesMax)) return false
    this.#requests++
    this.#bytes += bytes
    return true
  }

  leave(bytes: number): void {
    this.#requests--
    this.#bytes -= bytes
  }
}
