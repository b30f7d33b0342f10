/** docs/metrics.md, from the metrics themselves. */
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
  const ours = all.filter(({ name }) => OURS.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
  const process = all.filter(({ name }) => !OURS.test(name)).map(({ name }) => `\`${name}\``)
  return [
    '# Metrics',
    '',
    'Made from the code by `npm run docs`. `GET /metrics` on `HTTP_PORT` answers them in the Prometheus text format.',
    '',
    '| name | type | meaning |',
    '|---|---|---|',
    ...ours.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`),
    '',
    `Of the process: ${process.sort().join(', ')}.`,
    '',
  ].join('\n')
}
