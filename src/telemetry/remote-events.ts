/** What is said and counted about the ML engine that ML_ENGINE_URL names. */
import { ENGINE_BREAKER_STATES, type Events } from '../events.ts'
import { FallbackShare } from './fallback-share.ts'
import type { EventParts } from './kafka-events.ts'

type RemoteEvents = Pick<Events, 'engineAsked' | 'engineJudged' | 'engineBreaker'> & {
  /** Of the logs of the last minute, those that the engine did not judge; null where it was never asked. */
  fallbackShare(): number | null
}

export function remoteEvents({
  voice,
  metrics,
  clock,
}: Omit<EventParts, 'health'> & { clock: () => number }): RemoteEvents {
  const share = new FallbackShare(clock)
  const { remote } = metrics
  metrics.remote.fallbackShareFrom(() => share.value ?? 0)
  let known = false
  const show = (now: string): void => {
    for (const state of ENGINE_BREAKER_STATES) remote.breakerState.set({ state }, state === now ? 1 : 0)
  }
  return {
    engineAsked({ outcome, tookMs }) {
      remote.calls.inc({ outcome })
      remote.wait.observe(tookMs / 1000)
    },
    engineJudged({ asked, logs, answered, stalledMs }) {
      if (!known) show('closed')
      known = true
      share.add(logs, logs - answered)
      if (!asked) remote.calls.inc({ outcome: 'spared' })
      remote.logs.inc({ judge: 'engine' }, answered)
      remote.logs.inc({ judge: 'fallback' }, logs - answered)
      remote.stall.inc(stalledMs / 1000)
    },
    engineBreaker({ state, reason, pauseMs }) {
      known = true
      show(state)
      remote.breakerMoves.inc({ state })
      const seconds = (pauseMs / 1000).toFixed(1)
      if (state === 'open') {
        const line = `ML engine: ${reason}; judging here, trying again in ${seconds} s`
        voice.warn('engine_open', line, { reason, pause_ms: Math.round(pauseMs) })
      }
      if (state === 'closed') voice.info('engine_closed', '✓ ML engine answers again')
    },
    fallbackShare: () => share.value,
  }
}
