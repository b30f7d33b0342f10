/** Carries what the engine has learned over a restart: taken up at the start, written now and then and at the end. Never stops the engine. */
import { messageOf } from '../errors.ts'
import type { StateFile } from './state-file.ts'

/** What of the engine is kept. */
export interface Kept {
  /** Valid until the next call. */
  state(): Uint8Array
  /** null when it is in use now; else why not, and nothing has changed. */
  resume(state: Uint8Array): string | null
  /** Differs whenever there is something new to keep. */
  revision(): number
}

export interface KeeperEvents {
  /** `cold`: there was a state, and it could not be used. */
  stateTakenUp(what: { from: 'state' | 'nothing' | 'cold'; path: string; bytes: number; reason: string }): void
  stateWritten(what: { path: string; bytes: number }): void
  stateNotWritten(what: { path: string; error: unknown }): void
}

export interface KeeperOptions {
  readonly engine: Kept
  readonly file: Pick<StateFile, 'path' | 'read' | 'write' | 'putAside'>
  readonly intervalMs: number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly events: KeeperEvents
}

export class StateKeeper {
  readonly #options: KeeperOptions
  #writtenRevision: number

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#writtenRevision = options.engine.revision()
  }

  /** Never rejects: without a usable state the engine begins anew. */
  async takeUp(): Promise<void> {
    const { engine, file, events } = this.#options
    const found = await file.read()
    const bytes = found.kind === 'found' ? found.state.length : 0
    const tell = (from: 'state' | 'nothing' | 'cold', reason = ''): void =>
      events.stateTakenUp({ from, path: file.path, bytes, reason })
    if (found.kind === 'none') return tell('nothing')
    const refused = found.kind === 'unreadable' ? found.reason : engine.resume(found.state)
    this.#writtenRevision = engine.revision()
    if (refused === null) return tell('state')
    if (found.kind === 'found') await file.putAside().catch(() => undefined)
    tell('cold', refused)
  }

  /** Until the signal aborts, which ends no writing. */
  async keep(signal: AbortSignal): Promise<void> {
    const { sleep, intervalMs } = this.#options
    while (!signal.aborted) {
      await sleep(intervalMs, signal).catch(() => undefined)
      if (!signal.aborted) await this.write()
    }
  }

  /** Unless nothing was learned since the last time. Never rejects; tried again the next time. */
  async write(): Promise<void> {
    const { engine, file, events } = this.#options
    const revision = engine.revision()
    if (revision === this.#writtenRevision) return
    try {
      const state = engine.state()
      await file.write(state)
      this.#writtenRevision = revision
      events.stateWritten({ path: file.path, bytes: state.length })
    } catch (error) {
      events.stateNotWritten({ path: file.path, error: new Error(messageOf(error), { cause: error }) })
    }
  }
}
