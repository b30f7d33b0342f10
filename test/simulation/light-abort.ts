/**
 * AbortController for the simulation: the platform's own costs more than everything else a simulated step does. Listeners run at
 * once and in order, as the platform's do; `install` puts it in its place for this process.
 */
type Listener = () => void

/** Most signals are never listened to. */
const NOBODY: Listener[] = []

class LightSignal {
  aborted = false
  #listeners: Listener[] = NOBODY

  static any(signals: readonly LightSignal[]): LightSignal {
    const all = new LightSignal()
    for (const signal of signals) {
      if (signal.aborted) all.fire()
      else signal.addEventListener('abort', () => all.fire())
    }
    return all
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    if (this.aborted) return
    if (this.#listeners === NOBODY) this.#listeners = [listener]
    else if (!this.#listeners.includes(listener)) this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    const listeners = this.#listeners
    let at = listeners.indexOf(listener)
    if (at < 0) return
    for (; at < listeners.length - 1; at++) listeners[at] = listeners[at + 1]!
    listeners.pop()
  }

  fire(): void {
    if (this.aborted) return
    this.aborted = true
    const listeners = this.#listeners
    this.#listeners = NOBODY
    for (const listener of listeners) listener()
  }
}

class LightController {
  readonly signal = new LightSignal()

  abort(): void {
    this.signal.fire()
  }
}

/** Never aborted, and it keeps no listener: workers that have died were never going to take theirs back. */
export const NEVER = {
  aborted: false,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
} as Partial<AbortSignal> as AbortSignal

/** Returns what puts the platform's own back. */
export function installLightAbort(): () => void {
  const own = { AbortController: globalThis.AbortController, AbortSignal: globalThis.AbortSignal }
  Object.assign(globalThis, { AbortController: LightController, AbortSignal: LightSignal })
  return () => void Object.assign(globalThis, own)
}
