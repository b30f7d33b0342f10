/** The demo's closing words for people. */
import { styleText } from 'node:util'
import type { AgeMs } from './age.ts'
import type { IncidentCheck } from './incident-check.ts'
import type { Summary } from './summary.ts'

export interface Figures {
  readonly logsPerSecond: number
  /** Produce to commit, of every log. */
  readonly ageMs: AgeMs
  /** The same without the time in which the killed worker's partitions were behind. */
  readonly undisturbedAgeMs: AgeMs
  /** From the kill until the others had caught up; null where nobody was killed. */
  readonly behindMs: number | null
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

/** Broken between words. */
export function inLines(text: string, widthMax: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= widthMax) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function ages({ p50, p99 }: AgeMs): string {
  return p50 === null ? 'not known' : `p50 ${whole.format(p50)} ms, p99 ${whole.format(p99 ?? 0)} ms`
}

function good(isGood: boolean, text: string): string {
  return styleText(isGood ? 'green' : 'red', text)
}

export function report(summary: Summary, figures: Figures): string {
  const dead = Object.entries(summary.dead_letters)
  const deadCount = dead.reduce((sum, [, n]) => sum + n, 0)
  const exact = summary.lost === 0 && summary.duplicates === 0
  const accounted = `${whole.format(summary.produced - summary.lost)} of ${whole.format(summary.produced)} messages`
  let text = '\n'
  text += row('accounted for', `${accounted}${exact ? ` ${good(true, '✓ none lost, none twice')}` : ''}`)
  text += row('stored', `${whole.format(summary.stored)} rows`)
  text += row('lost', good(summary.lost === 0, whole.format(summary.lost)))
  text += row('duplicates', good(summary.duplicates === 0, whole.format(summary.duplicates)))
  text += row('dead letters', whole.format(deadCount))
  text += reasons(dead)
  text += row('skipped', `${whole.format(summary.skipped)} (tombstones and empty messages)`)
  text += speed(figures)
  text += anomalies(summary)
  return text + incidents(summary.check)
}

/** Four to a line. */
function reasons(dead: readonly (readonly [reason: string, n: number])[]): string {
  const cells = dead.map(([reason, n]) => `${reason} ${n}`)
  let text = ''
  for (let from = 0; from < cells.length; from += 4) text += `    ${cells.slice(from, from + 4).join(', ')}\n`
  return text
}

function speed({ logsPerSecond, ageMs, undisturbedAgeMs, behindMs }: Figures): string {
  const text = row('speed', `${whole.format(logsPerSecond)} logs/s`)
  if (behindMs === null) return text + row('age at commit', ages(ageMs))
  return (
    text +
    row('age at commit', `${ages(undisturbedAgeMs)}, from produce to commit`) +
    row('with the kill', `${ages(ageMs)}; caught up ${(behindMs / 1000).toFixed(1)} s after it`)
  )
}

function anomalies({ anomalies: count, stored, top, check }: Summary): string {
  const share = stored === 0 ? 0 : (100 * count) / stored
  const inside =
    check.incidents.length > 0 ? `, ${whole.format(check.anomaliesInside)} of them in planted incidents` : ''
  const label = `${whole.format(count)} (${share.toFixed(2)} %)${inside}${top.length > 0 ? '; the highest:' : ''}`
  let text = row('anomalies', label)
  for (const { service, message, score, why } of top) {
    text += `    ${styleText('yellow', score.toFixed(2))}  ${printable(service, 24).padEnd(24)} ${printable(message, 60)}\n`
    text += inLines(printable(why, 400), 110)
      .map((line) => `          ${line}\n`)
      .join('')
  }
  return text
}

function incidents({ incidents: all, foundByChance }: IncidentCheck): string {
  if (all.length === 0) return ''
  const found = all.filter((incident) => incident.found).length
  let text = row('incidents', `${found} of ${all.length} planted ones found (${foundByChance.toFixed(1)} by chance)`)
  for (const { kind, service, from, severity, anomalies: count, found: seen } of all) {
    const size = severity < 1 ? `${kind}, mild` : kind
    text += `    ${good(seen, seen ? '✓ found ' : '✗ missed')} ${size.padEnd(20)} ${service.padEnd(18)} ${from.slice(0, 16)}Z  ${whole.format(count)} flagged\n`
  }
  return text
}
