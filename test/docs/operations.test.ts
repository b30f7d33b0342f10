/** The page for whoever is on call, and its Prometheus rules, name only what exists: metrics, settings, commands, tables, alerts. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { DIFFERENCES } from '../../src/audit/differences.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { readMigrations } from '../../src/postgres/migrate.ts'
import { metricsPage } from '../../src/telemetry/metrics-page.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
const rules = readFileSync(join(root, 'deploy/prometheus-rules.yaml'), 'utf8')

const all = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? match[0])),
]
const help = (...command: string[]): string => {
  const ran = spawnSync(process.execPath, [join(root, 'src/main.ts'), ...command, '--help'], { encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  return ran.stdout
}

test('every metric named is one', () => {
  const known = metricsPage()
  const named = all(page + rules, /\binsighthub_[a-z_]+/g)
  assert.ok(named.length > 15)
  assert.deepEqual(
    named.filter((name) => !known.includes(`\`${name}\``)),
    [],
  )
})

test('the alert for no worker looks at a metric that the ML engine does not have', () => {
  const [workers, engine] = metricsPage().split('The ML engine (')
  const watched = /alert: InsightHubDown\n\s+expr: absent\((\w+)\)/.exec(rules)?.[1] ?? 'none'
  assert.ok(workers?.includes(`| \`${watched}\` |`), watched)
  assert.ok(!engine?.includes(`| \`${watched}\` |`), watched)
})

test('every setting named is one', () => {
  const named = all(page, /\b((?:ANOMALY|HTTP|ML|DEAD|MESSAGE|WORKERS|KAFKA|DB)[A-Z_]*)\b(?!`? of)/g).filter(
    (name) => name.includes('_') || name === 'WORKERS',
  )
  assert.ok(named.includes('ANOMALY_BUDGET_PER_DAY'))
  assert.deepEqual(
    named.filter((name) => !Object.hasOwn(SETTINGS, name.replace(/_FILE$/, ''))),
    [],
  )
})

test('every command and option shown is one', () => {
  const lines = all(page, /insighthub-processor(?:\.js)? ([a-z-]+(?: [^\n`#]*)?)/g)
  const shown = lines.map((line) => {
    const words = line.trim().split(/\s+/)
    const grouped = words[0] === 'mutes' || words[0] === 'dead-letters'
    return { command: words.slice(0, grouped ? 2 : 1), options: words.filter((word) => word.startsWith('--')) }
  })
  assert.ok(shown.length > 8)
  for (const { command, options } of shown) {
    const text = help(...command)
    assert.match(text, new RegExp(`^Usage: insighthub-processor ${command.join(' ')}`), text)
    assert.deepEqual(
      options.filter((option) => !text.includes(`${option} `)),
      [],
      command.join(' '),
    )
  }
})

test('every table and column that its statements read exists', () => {
  const schema = readMigrations()
    .map(({ sql }) => sql)
    .join('\n')
  for (const table of all(page, /\bfrom ([a-z_]+)\n/g))
    assert.match(schema, new RegExp(`create table (if not exists )?${table} `))
  for (const column of ['since', 'until', 'observed', 'expected', 'explanation', 'score_source'])
    assert.ok(schema.includes(column))
})

test('every alert has its row in the page, and every row its alert', () => {
  assert.deepEqual(all(page, /^\| (InsightHub[A-Za-z]+) \|/gm), all(rules, /- alert: (\S+)/g))
})

test("the table of the audit's differences is the one in the code", () => {
  const names = Object.keys(DIFFERENCES)
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (.*) \|$/gm)].map((match) => [match[1], match[2]])
  assert.deepEqual(
    rows.filter(([name]) => names.includes(name ?? '')),
    Object.entries(DIFFERENCES),
  )
})
