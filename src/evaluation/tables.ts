/** Results as tables: the same lines for a terminal and for the page in docs/. Pure. */
import type {
  ForestResult,
  IncidentResult,
  MetricsResult,
  RequestsResult,
  SetResult,
  TemplatesResult,
  WindowsResult,
} from './set-result.ts'
import { mean } from './statistics.ts'

type Row = readonly string[]

export interface Table {
  readonly title: string
  readonly header: Row
  readonly rows: readonly Row[]
}

/** All tables that there are results for, each under its title; without the cost they say the same on every machine. */
export function tablesOf(results: readonly SetResult[], { cost }: { readonly cost: boolean }): string {
  const incidents = results.filter((each) => each.task === 'incidents')
  const tables = [
    forestTable(results.filter((each) => each.task === 'forest')),
    incidentTable(incidents),
    typeTable(incidents),
    requestsTable(results.filter((each) => each.task === 'requests')),
    windowsTable(results.filter((each) => each.task === 'windows')),
    metricsTable(results.filter((each) => each.task === 'metrics')),
    templatesTable(results.filter((each) => each.task === 'templates')),
  ]
  return tables
    .filter(({ rows }) => rows.length > 0)
    .map((table) => (cost ? table : withoutCost(table)))
    .map((table) => `${table.title}\n\n${aligned(table)}`)
    .join('\n')
}

function withoutCost({ title, header, rows }: Table): Table {
  const kept = (row: Row): Row => row.filter((_, i) => header[i]?.startsWith('µs') !== true)
  return { title, header: kept(header), rows: rows.map(kept) }
}

/** A Markdown table whose columns line up; numbers to the right. */
export function aligned({ header, rows }: Table): string {
  const widths = header.map((name, column) => Math.max(...[header, ...rows].map((row) => (row[column] ?? name).length)))
  const line = (row: Row): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |\n`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')
  return `${line(header)}|${rule}|\n${rows.map(line).join('')}`
}

function share(value: number, digits = 3): string {
  return Number.isNaN(value) ? '-' : value.toFixed(digits).replace(/^-(?=[0.]*$)/, '')
}

function forestTable(results: readonly ForestResult[]): Table {
  const beside = (result: ForestResult): Row => {
    const { auc, ap } = result.reference ?? { auc: Number.NaN, ap: Number.NaN }
    return [share(auc), share(ap), share(result.auc - auc)]
  }
  return {
    title: 'Isolation forest alone: mean of ten seeds beside scikit-learn',
    header: ['set', 'rows', 'AUC', 'sd', 'AP', "scikit-learn's AUC", 'AP', 'difference of AUC'],
    rows: results.map((result) => [
      result.name,
      String(result.rows),
      share(result.auc),
      share(result.auc_sd),
      share(result.ap),
      ...beside(result),
    ]),
  }
}

function incidentTable(results: readonly IncidentResult[]): Table {
  const rows = results.map((each) => ({
    name: each.name,
    figures: [each.f1, each.ap, each.macro_ap, each.auc, each.false_episodes_per_service_day],
    incidents: `${each.incidents_detected}/${each.incidents}`,
    rest: [each.fpr, each.us_per_log],
  }))
  const texts = ([f1, ap, macro, auc, episodes]: readonly number[]): Row => [
    share(f1 ?? Number.NaN),
    share(ap ?? Number.NaN),
    share(macro ?? Number.NaN),
    share(auc ?? Number.NaN),
    share(episodes ?? Number.NaN, 2),
  ]
  const costs = ([fpr, cost]: readonly number[]): Row => [
    (fpr ?? Number.NaN).toExponential(1),
    share(cost ?? Number.NaN, 2),
  ]
  const lines = rows.map(({ name, figures, incidents, rest }) => [name, ...texts(figures), incidents, ...costs(rest)])
  if (rows.length > 1) {
    const column = (pick: 'figures' | 'rest', i: number): number => mean(rows.map((row) => row[pick][i] ?? Number.NaN))
    const detected = results.reduce((sum, each) => sum + each.incidents_detected, 0)
    const all = results.reduce((sum, each) => sum + each.incidents, 0)
    lines.push([
      'mean',
      ...texts([0, 1, 2, 3, 4].map((i) => column('figures', i))),
      `${detected}/${all}`,
      ...costs([column('rest', 0), column('rest', 1)]),
    ])
  }
  return {
    title: 'Logs with injected incidents, after the time to learn',
    header: [
      'set',
      'F1',
      'AP',
      'macro-AP',
      'AUC',
      'false episodes a service and day',
      'incidents',
      'normal logs flagged',
      'µs a log',
    ],
    rows: lines,
  }
}

/** Over all replays together. */
function typeTable(results: readonly IncidentResult[]): Table {
  const names = [...new Set(results.flatMap(({ types }) => Object.keys(types)))].sort()
  const rows = names.map((name) => {
    const own = results.flatMap(({ types }) => types[name] ?? [])
    const sum = (pick: (each: (typeof own)[number]) => number): number =>
      own.reduce((total, each) => total + pick(each), 0)
    const known = (values: readonly number[]): number => mean(values.filter((value) => !Number.isNaN(value)))
    return [
      name,
      `${sum((each) => each.detected)}/${sum((each) => each.incidents)}`,
      share(mean(own.map(({ chance }) => chance)), 2),
      share(known(own.map((each) => each.median_delay_s)), 1),
      share(known(own.map(({ recall }) => recall))),
      share(known(own.map(({ ap }) => ap))),
    ]
  })
  return {
    title: 'The same by kind of incident, means over the sets',
    header: ['kind', 'detected', 'by chance', 'median delay in s', 'recall of its logs', 'AP'],
    rows,
  }
}

function requestsTable(results: readonly RequestsResult[]): Table {
  return {
    title: 'Requests during injected faults, each by itself, beside an expanding z-score of the latency',
    header: ['set', 'positive', 'requests', 'AP', 'AUC', "z's AP", 'AUC', 'normal flagged', 'µs a log'],
    rows: results.map((each) => [
      each.name,
      each.faults,
      String(each.logs),
      share(each.ap),
      share(each.auc),
      share(each.reference.ap),
      share(each.reference.auc),
      each.fpr.toExponential(1),
      share(each.us_per_log, 2),
    ]),
  }
}

function windowsTable(results: readonly WindowsResult[]): Table {
  return {
    title: 'The same as means over windows of 15 s',
    header: ['set', 'windows', 'AP', 'AUC', 'faults found', "z's AP", 'AUC', 'faults found'],
    rows: results.map(({ name, windows, ap, auc, faults, faults_found, reference }) => [
      name,
      String(windows),
      share(ap),
      share(auc),
      `${faults_found}/${faults}`,
      share(reference.ap),
      share(reference.auc),
      `${reference.faults_found}/${faults}`,
    ]),
  }
}

function metricsTable(results: readonly MetricsResult[]): Table {
  return {
    title: 'Scalar series by the score of the Numenta Anomaly Benchmark, one configuration for all',
    header: ['set', 'series', 'standard', 'low false positives', 'low false negatives', 'windows found', 'µs a value'],
    rows: results.map((each) => [
      each.name,
      String(each.series),
      share(each.standard, 1),
      share(each.reward_low_FP_rate, 1),
      share(each.reward_low_FN_rate, 1),
      `${each.windows_found}/${each.windows}`,
      share(each.us_per_log, 2),
    ]),
  }
}

function templatesTable(results: readonly TemplatesResult[]): Table {
  const rows = results.map((each) => [
    each.name,
    String(each.messages),
    share(each.grouping_accuracy),
    String(each.templates),
    String(each.reference.templates),
  ])
  if (rows.length > 1) rows.push(['mean', '', share(mean(results.map((each) => each.grouping_accuracy))), '', ''])
  return {
    title: 'Templates mined from messages of known kinds',
    header: ['set', 'messages', 'grouping accuracy', 'templates', 'kinds'],
    rows,
  }
}
