/** Numbers and tables as the pages and the terminal show them. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

export const round = (value: number | null | undefined): string =>
  value === null || value === undefined || Number.isNaN(value) ? '' : whole.format(value)

export const fixed = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits)

export const percent = (value: number | null | undefined, digits = 1): string => {
  const text = fixed(value, digits)
  return text === '' ? '' : `${text} %`
}

/** With its sign. */
export const signedPercent = (value: number): string =>
  Number.isNaN(value) ? '' : `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(0)} %`

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n')
}
