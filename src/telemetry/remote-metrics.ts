/** Metrics of asking the ML engine that ML_ENGINE_URL names. */
import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client'

const WAIT_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1, 5]

export function remoteMetrics(registers: Registry[]) {
  const by = <T extends string>(name: string, label: T, help: string) =>
    new Counter({ name: `insighthub_remote_${name}_total`, help, labelNames: [label], registers })
  let share = (): number => 0
  new Gauge({
    name: 'insighthub_remote_fallback_share',
    help: 'Of the logs of the last minute, the share that the ML engine did not judge; 0 where none is asked',
    registers,
    collect() {
      this.set(share())
    },
  })
  return {
    calls: by(
      'calls',
      'outcome',
      'Questions to the ML engine, by how they ended; spared: batches that it was not asked about',
    ),
    logs: by('logs', 'judge', 'Logs of these batches, by who judged them: engine or fallback'),
    wait: new Histogram({
      name: 'insighthub_remote_wait_seconds',
      help: 'From asking the ML engine about a batch to its answers or the deadline; the batch itself may have gone on before',
      buckets: WAIT_BOUNDS,
      registers,
    }),
    stall: new Counter({
      name: 'insighthub_remote_stall_seconds_total',
      help: 'Time that the pipeline stood still for the ML engine, with nothing being stored meanwhile',
      registers,
    }),
    breakerState: new Gauge({
      name: 'insighthub_remote_breaker_state',
      help: '1 for the state that the circuit breaker before the ML engine is in: closed, open or half_open',
      labelNames: ['state'],
      registers,
    }),
    breakerMoves: by('breaker_moves', 'state', 'Times that the circuit breaker before the ML engine came into a state'),
    fallbackShareFrom(source: () => number): void {
      share = source
    },
  }
}
