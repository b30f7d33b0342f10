/** docs/metrics.md, from the metrics themselves. */
import { createEngineMetrics } from './engine-telemetry.ts'
import { createMetrics } from './metrics.ts'
import { createSupervisorMetrics } from './supervisor-metrics.ts'

const OURS = /^insighthub_/

/** The page in Markdown: name, type and meaning of every metric of ours, then the names of the process's own. */
export function metricsPage(): string {
  const metrics = createMetrics('0')
  const all = [
    ...metrics.register.getMetricsAsArray(),
    ...createSupervisorMetrics().register.getMetricsAsArray(),
    metrics.ageAtCommit,
  ]
  const ours = all.filter(({ name }) => OURS.test(name)).sort(byName)
  const engine = createEngineMetrics('0')
    .register.getMetricsAsArray()
    .filter(({ name }) => OURS.test(name))
    .sort(byName)
  const process = all.filter(({ name }) => !OURS.test(name)).map(({ name }) => `\`${name}\``)
  return [
    '# Metrics',
    '',
    'Made from the code by `npm run docs`. `GET /metrics` on `HTTP_PORT` answers them in the Prometheus text format.',
    '',
    '| name | type | meaning |',
    '|---|---|---|',
    ...ours.map(row),
    '',
    'The ML engine (`insighthub-processor ml-engine`) has its own, on `ML_ENGINE_PORT`:',
    '',
    '| name | type | meaning |',
    '|---|---|---|',
    ...engine.map(row),
    '',
    `Of the process: ${process.sort().join(', ')}.`,
    '',
  ].join('\n')
}

interface Described {
  readonly name: string
  readonly type?: unknown
  readonly help: string
}

function byName(a: Described, b: Described): number {
  return a.name < b.name ? -1 : 1
}

function row({ name, type, help }: Described): string {
  return `| \`${name}\` | ${type} | ${help} |`
}
