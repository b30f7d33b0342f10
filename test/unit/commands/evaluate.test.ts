/** The command as a user runs it, on small sets of our own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { folderWith, replayFiles, tableText } from '../../support/labelled-folders.ts'

const main = resolve(import.meta.dirname, '../../../src/main.ts')

function evaluate(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'evaluate', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('evaluate', () => {
  it('measures the forest beside the reference that lies with the set, and a replay with its incidents', async (t) => {
    const reference = JSON.stringify({ square: { auc: 0.9, ap: 0.8 } })
    const replay = Object.entries(replayFiles()).map(([file, text]) => [`1/${file}`, text])
    const folder = await folderWith(t, {
      'tables/square.csv.gz': tableText(),
      'tables/sklearn_reference.json': reference,
      ...Object.fromEntries(replay),
    })
    const { status, stdout, stderr } = evaluate('--data', folder, '--json')
    assert.equal(status, 0, stderr)
    const { sets } = JSON.parse(stdout)
    assert.deepEqual(
      sets.map(({ name, task }: { name: string; task: string }) => [name, task]),
      [
        ['replay/1', 'incidents'],
        ['tables/square', 'forest'],
      ],
    )
    const [incidents, forest] = sets
    assert.deepEqual(forest.reference, { auc: 0.9, ap: 0.8 })
    assert.equal(forest.seeds, 10)
    assert.ok(forest.auc > 0.99, `AUC ${forest.auc} of points far outside`)
    assert.equal(incidents.logs, 1800)
    assert.equal(incidents.positives, 61)
    assert.equal(incidents.incidents_detected, 1)
    assert.ok(incidents.ap > 0.7, `AP ${incidents.ap} of logs 20 times slower than usual`)
    const tables = evaluate('--data', join(folder, 'tables'))
    assert.match(tables.stdout, /\| tables\/square \|\s+300 \| \d\.\d{3} /)
  })

  it('leaves out a set that is broken, says why, and measures the others', async (t) => {
    const files = { ...replayFiles(), 'labels.csv': 't,service,label,incident_id\n1,shop,0,0\n' }
    const broken = Object.entries(files).map(([file, text]) => [`1/${file}`, text])
    const folder = await folderWith(t, { 'tables/square.csv': tableText(), ...Object.fromEntries(broken) })
    const { status, stdout, stderr } = evaluate('--data', folder, '--json')
    assert.equal(status, 1)
    const { sets, left_out } = JSON.parse(stdout)
    assert.equal(sets.length, 1)
    assert.match(left_out[0].reason, /labels\.csv ends after 1 labels/)
    assert.match(stderr, /left out: replay\/1/)
  })

  it('writes its tables into the page between the two lines that are theirs, and nothing else', async (t) => {
    const begin = '<!-- measured: begin (written by `evaluate --write`) -->'
    const page = (tables: string): string => `before\n${begin}\n${tables}<!-- measured: end -->\nbehind\n`
    const folder = await folderWith(t, { 'tables/square.csv': tableText(), 'docs/anomaly-detection.md': page('old\n') })
    const args = [main, 'evaluate', '--data', join(folder, 'tables'), '--write']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder })
    assert.equal(status, 0, stderr)
    assert.equal(readFileSync(join(folder, 'docs/anomaly-detection.md'), 'utf8'), page(`\n${stdout}\n`))
  })

  it('says what it needs when there is nothing to evaluate', async (t) => {
    const folder = await folderWith(t, { 'notes.txt': 'nothing' })
    const { status, stderr } = evaluate('--data', folder)
    assert.equal(status, 1)
    assert.match(stderr, /holds no labelled set/)
  })
})
