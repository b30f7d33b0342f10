/** The demo's closing words for people. */
import { styleText } from 'node:util'
import type { Summary } from './summary.ts'

export interface Figures {
  readonly logsPerSecond: number
  /** Produce to commit, in ms; null where no worker could be asked. */
  readonly ageMs: { readonly p50: number | null; readonly p99: number | null }
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

function row(label: string, value: string): string {
  return `  ${label.padEnd(15)} ${value}\n`
}

/** Message text comes from anywhere: nothing of it may reach the terminal but printable characters. */
export function printable(text: string, lengthMax: number): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
  const points = [...clean]
  return points.length > lengthMax ? `${points.slice(0, lengthMax - 1).join('')}…` : clean
}

export function report(summary: Summary, figures: Figures): string {
  const dead = Object.entries(summary.dead_letters)
  const deadCount = dead.reduce((sum, [, n]) => sum + n, 0)
  const exact = summary.lost === 0 && summary.duplicates === 0
  const ages =
    figures.ageMs.p50 === null
      ? 'not known'
      : `p50 ${whole.format(figures.ageMs.p50)} ms, p99 ${whole.format(figures.ageMs.p99 ?? 0)} ms`
  const accounted = summary.produced - summary.lost
  let text = '\n'
  text += row(
    'accounted for',
    `${whole.format(accounted)} of ${whole.format(summary.produced)} messages ${exact ? styleText('green', '✓ none lost, none twice') : ''}`,
  )
  text += row('stored', `${whole.format(summary.stored)} rows`)
  text += row('lost', styleText(summary.lost === 0 ? 'green' : 'red', whole.format(summary.lost)))
  text += row('duplicates', styleText(summary.duplicates === 0 ? 'green' : 'red', whole.format(summary.duplicates)))
  text += row(
    'dead letters',
    `${whole.format(deadCount)}${deadCount > 0 ? `   ${dead.map(([reason, n]) => `${reason} ${n}`).join(', ')}` : ''}`,
  )
  text += row('skipped', `${whole.format(summary.skipped)} (tombstones and empty messages)`)
  text += row('speed', `${whole.format(figures.logsPerSecond)} logs/s, from produce to commit ${ages}`)
  text += row('anomalies', `${whole.format(summary.anomalies)}${summary.top.length > 0 ? '; the highest:' : ''}`)
  for (const { service, message, score, why } of summary.top) {
    text += `    ${styleText('yellow', score.toFixed(2))}  ${printable(service, 24).padEnd(24)} ${printable(message, 60)}\n`
    text += `          ${printable(why, 100)}\n`
  }
  if (summary.incidents.length > 0) {
    const found = summary.incidents.filter((incident) => incident.found).length
    text += row('incidents', `${found} of ${summary.incidents.length} planted ones found`)
    for (const { kind, service, found: seen } of summary.incidents) {
      text += `    ${seen ? styleText('green', '✓ found ') : styleText('red', '✗ missed')} ${kind.padEnd(16)} ${service}\n`
    }
  }
  return text
}
