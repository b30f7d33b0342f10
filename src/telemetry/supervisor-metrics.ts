/** What a supervisor counts itself; everything else on its page comes from the workers. */
import { Counter, Gauge, Registry } from '@prometheus-io/client'

export function createSupervisorMetrics() {
  const register = new Registry()
  const registers = [register]
  return {
    register,
    workers: new Gauge({
      name: 'insighthub_workers',
      help: 'Worker processes that run under this supervisor (only with several workers)',
      registers,
    }),
    restarts: new Counter({
      name: 'insighthub_worker_restarts_total',
      help: 'Workers that ended unasked and were started again (only with several workers)',
      registers,
    }),
    /** The Prometheus text format, version 0.0.4. */
    text: async () => (await register.metrics()).trimEnd().concat('\n'),
  }
}
