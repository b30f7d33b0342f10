/** What a proof found, as its verdict and as the certificate that goes into a file. Pure. */
import type { Example, Finding } from './comparison.ts'
import {
  FAULT_KINDS,
  FAULTS,
  type FaultKind,
  type InjectedFault,
  type Recovery,
  recoveries,
  STANDSTILL_MS,
} from './faults.ts'

export interface ProofFacts {
  readonly seed: number
  readonly minutes: number
  /** ISO 8601 */
  readonly startedAt: string
  readonly finishedAt: string
  readonly versions: Readonly<Record<string, string>>
  readonly settings: Readonly<Record<string, string | number>>
  readonly messages: {
    readonly sent: number
    /** Kafka said that it has them. */
    readonly acked: number
    readonly inTopic: number
    /** Said to be stored and not in the topic: Kafka's loss, which no processor can make good. */
    readonly lostByKafka: number
  }
  readonly rows: {
    readonly expected: number
    readonly stored: number
    readonly late: number
    readonly ageMsMax: number
  }
  readonly lateAfterMs: number
  readonly letters: { readonly expected: number; readonly stored: number }
  readonly findings: Readonly<Record<Finding, number>>
  readonly examples: readonly Example[]
  readonly faults: readonly InjectedFault[]
  /** The ledger reached the end of every partition. */
  readonly drained: boolean
  /** Differences that the audit named. */
  readonly audit: readonly string[]
  /** What went wrong with the proof itself. */
  readonly incidents: readonly string[]
}

export interface Certificate extends ProofFacts {
  readonly verdict: 'exactly once' | 'failed'
  /** Why it failed; empty otherwise. */
  readonly reasons: readonly string[]
  readonly lost: number
  readonly duplicated: number
  readonly altered: number
  /** Rows that nothing in the topic explains. */
  readonly unexpected: number
  readonly late: number
  readonly recovery: Partial<Record<FaultKind, Recovery>>
}

export function certify(facts: ProofFacts): Certificate {
  const { lost, duplicated, altered, unexpected } = facts.findings
  const stuck = facts.faults.filter(({ recoveredMs }) => recoveredMs === null).length
  const wrong = facts.faults.flatMap(({ kind, wrong: what }) => (what === null ? [] : [`${kind}: ${what}`]))
  const checks: [boolean, string][] = [
    [lost > 0, `${lost} rows or dead letters are missing`],
    [duplicated > 0, `${duplicated} are there more than once`],
    [altered > 0, `${altered} are not what was sent`],
    [unexpected > 0, `${unexpected} are there that nobody sent`],
    [facts.messages.lostByKafka > 0, `${facts.messages.lostByKafka} messages are missing from the topic itself`],
    [facts.messages.inTopic === 0, 'nothing was sent'],
    [facts.faults.length === 0, 'no fault was injected'],
    [!facts.drained, 'the workers stood still before the end of the topic'],
    [stuck > 0, `after ${stuck} faults the line did not go on: a partition stood still for ${STANDSTILL_MS / 1000} s`],
  ]
  const reasons = [
    ...checks.flatMap(([failed, reason]) => (failed ? [reason] : [])),
    ...wrong,
    ...facts.audit.map((difference) => `audit: ${difference}`),
    ...facts.incidents,
  ]
  return {
    verdict: reasons.length === 0 ? 'exactly once' : 'failed',
    reasons,
    ...{ lost, duplicated, altered, unexpected, late: facts.rows.late },
    recovery: recoveries(facts.faults),
    ...facts,
  }
}

/** As the file's JSON: the verdict first, names in snake_case. */
export function certificateJson(certificate: Certificate): string {
  return `${JSON.stringify(snakeCased(certificate), null, 2)}\n`
}

function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      snakeCased(each),
    ]),
  )
}

export function certificateMarkdown(certificate: Certificate): string {
  const { verdict, reasons, seed, minutes, messages, rows, letters, findings, faults, recovery, examples } = certificate
  const table = (pairs: Readonly<Record<string, string | number>>): string[] => [
    '| | |',
    '|---|---|',
    ...Object.entries(pairs).map(([name, value]) => `| ${name} | ${String(value).replaceAll('|', '\\|')} |`),
  ]
  const lines = [
    `# ${verdict === 'exactly once' ? 'Exactly once: proved' : 'Exactly once: NOT proved'}`,
    '',
    `From ${certificate.startedAt} to ${certificate.finishedAt}, ${minutes} minutes, seed ${seed}.`,
    '',
    ...(reasons.length === 0 ? [] : ['## Why not', '', ...reasons.map((reason) => `- ${reason}`), '']),
    '## What was found',
    '',
    ...table({
      'messages sent, and acknowledged by Kafka': `${messages.sent}, ${messages.acked}`,
      'messages in the topic': messages.inTopic,
      'rows that they make': rows.expected,
      'rows in the table': rows.stored,
      'dead letters that they make, and those stored': `${letters.expected}, ${letters.stored}`,
      lost: findings.lost,
      duplicated: findings.duplicated,
      altered: findings.altered,
      unexpected: findings.unexpected,
      [`late (more than ${certificate.lateAfterMs / 1000} s after their record)`]: rows.late,
      'oldest when stored': `${(rows.ageMsMax / 1000).toFixed(1)} s`,
    }),
    '',
    'Every record of the topic was read back, normalized and judged again by a model that nothing had disturbed, and each row',
    '(its score included) and each dead letter compared with what it must be.',
    '',
    `## ${faults.length} faults, and how long until the line went on`,
    '',
    '| fault | what | times | p50 ms | p95 ms | max ms |',
    '|---|---|---|---|---|---|',
    ...FAULT_KINDS.map((kind) => {
      const times = recovery[kind]
      const figures =
        times === undefined ? '0 | - | - | -' : `${times.count} | ${times.p50} | ${times.p95} | ${times.max}`
      return `| ${kind} | ${FAULTS[kind]} | ${figures} |`
    }),
    '',
    '## Where',
    '',
    ...table({ ...certificate.versions, ...certificate.settings }),
    '',
    ...(examples.length === 0
      ? []
      : ['## Examples', '', ...examples.map(({ finding, position, what }) => `- ${finding} ${position}: ${what}`), '']),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}
