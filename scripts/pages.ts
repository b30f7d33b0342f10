/** The pages that are made from code: every setting, every metric, every error code. Pure: text by path. */
import { readFileSync } from 'node:fs'
import type { Setting } from '../src/config/setting.ts'
import { SETTINGS } from '../src/config/settings.ts'
import { ERROR_CODES, type ErrorCode, exitCodeOf, isRetriable, ProcessorError } from '../src/errors.ts'
import { openApi } from '../src/ml-engine/openapi.ts'
import { metricsPage } from '../src/telemetry/metrics-page.ts'
import { pitfallsPage } from './pitfalls-page.ts'

const packageVersion =
  /"version": "([^"]+)"/.exec(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))?.[1] ?? ''

const GROUPS: readonly { readonly title: string; readonly holds: (name: string) => boolean }[] = [
  { title: 'Kafka', holds: (name) => name.startsWith('KAFKA_') },
  { title: 'Database', holds: (name) => /^(DB_|DATABASE_URL$|INSIGHTHUB_NAMESPACE$)/.test(name) },
  { title: 'HTTP and console', holds: (name) => /^(HTTP_|LOG_|CONSOLE_)/.test(name) },
  { title: 'Scoring', holds: (name) => /^(ML_|ANOMALY_|SERVICES_|SCORER_)/.test(name) },
  { title: 'Limits', holds: () => true },
]

function grouped(): { title: string; settings: [string, Setting][] }[] {
  const all: [string, Setting][] = Object.entries(SETTINGS)
  const groupOf = (name: string) => GROUPS.find((group) => group.holds(name))
  return GROUPS.map((group) => ({
    title: group.title,
    settings: all.filter(([name]) => groupOf(name) === group),
  }))
}

/** A cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function configurationPage(): string {
  const lines = [
    '# Configuration',
    '',
    'Made from the code by `npm run docs`. Everything is read from the environment once, at start. All mistakes are reported',
    'together and the exit code is 78. An empty variable counts as unset. Each can also be read from a file: `DB_PASSWORD_FILE`',
    'names a file that holds `DB_PASSWORD`. A value marked *secret* is never printed. What Kubernetes puts into the environment',
    'for a service named `ml-engine` or `db` (`ML_ENGINE_PORT=tcp://...`) counts as unset, too.',
  ]
  for (const { title, settings } of grouped()) {
    lines.push('', `## ${title}`, '', '| name | default | expected | meaning |', '|---|---|---|---|')
    for (const [name, setting] of settings) {
      const fallback = setting.default === undefined ? 'unset' : `\`${setting.default}\``
      const secret = setting.secret === true ? ' *Secret.*' : ''
      lines.push(`| \`${name}\` | ${fallback} | ${cell(setting.expected)} | ${cell(setting.about)}${secret} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** Every setting commented out, so that a copy of the file changes nothing. */
function envExample(): string {
  const lines = ['# Made from the code by `npm run docs`. The values shown are the defaults.']
  for (const { title, settings } of grouped()) {
    lines.push('', `# --- ${title}`)
    for (const [name, setting] of settings) {
      lines.push('', `# ${setting.about}`, `# Expected: ${setting.expected}.`, `#${name}=${setting.default ?? ''}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(ERROR_CODES, name)
}

function then(code: ErrorCode): string {
  const error = new ProcessorError(code, '')
  if (code === 'KAFKA_LOG_TRUNCATED') return 'that partition waits, and is looked at again every 30 s'
  return isRetriable(error) ? 'tried again' : `exit ${exitCodeOf(error)}`
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => {
    return `| \`${code}\` | ${cell(meaning)} | ${isErrorCode(code) ? then(code) : ''} |`
  })
  return [
    '# Error codes',
    '',
    'Made from the code by `npm run docs`. The last column says what the service does; a command that ends at once exits 1.',
    '',
    '| code | meaning | then |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** Path from the project's root -> the text that belongs there. */
export function generatedPages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/configuration.md', configurationPage()],
    ['docs/metrics.md', metricsPage()],
    ['docs/errors.md', errorsPage()],
    ['docs/pitfalls.md', pitfallsPage()],
    ['.env.example', envExample()],
    ['docs/openapi.json', `${JSON.stringify(openApi(packageVersion), null, 2)}\n`],
  ])
}
