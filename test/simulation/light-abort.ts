/**
 * AbortController for the simulation: the platform's own costs more than everything else a simulated step does. Listeners run at
 * once and in order, as the platform's do; `install` puts it in its place for this process.
 */
type Listener = () => void

class LightSignal {
  aborted = false
  readonly #listeners = new Set<Listener>()

  static any(signals: readonly LightSignal[]): LightSignal {
    const all = new LightSignal()
    for (const signal of signals) {
      if (signal.aborted) all.fire()
      else signal.addEventListener('abort', () => all.fire())
    }
    return all
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    if (!this.aborted) this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners.delete(listener)
  }

  fire(): void {
    if (this.aborted) return
    this.aborted = true
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener()
  }
}

class LightController {
  readonly signal = new LightSignal()

  abort(): void {
    this.signal.fire()
  }
}

/** Returns what puts the platform's own back. */
export function installLightAbort(): () => void {
  const own = { AbortController: globalThis.AbortController, AbortSignal: globalThis.AbortSignal }
  Object.assign(globalThis, { AbortController: LightController, AbortSignal: LightSignal })
  return () => void Object.assign(globalThis, own)
}
