/** The isolation forest alone on a table of numbers with a column `label` (ADBench as CSV), beside scikit-learn's figures. */
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { IsolationForest } from '../anomaly/isolation-forest.ts'
import { messageOf, ProcessorError } from '../errors.ts'
import { recordsOf } from './csv.ts'
import { NEGATIVE, POSITIVE, rank } from './ranking.ts'
import type { ForestResult } from './set-result.ts'
import { deviation, mean } from './statistics.ts'

const SEEDS = 10
const REFERENCE = 'sklearn_reference.json'

export async function measureForest(name: string, file: string): Promise<ForestResult> {
  const { rows, labels } = await table(file)
  const rankings = Array.from({ length: SEEDS }, (_, seed) => {
    const forest = IsolationForest.fit(rows, seed)
    return rank(
      rows.map((row) => forest.score(row)),
      labels,
    )
  })
  const aucs = rankings.map(({ auc }) => auc)
  return {
    name,
    task: 'forest',
    auc: mean(aucs),
    auc_sd: deviation(aucs),
    ap: mean(rankings.map(({ averagePrecision }) => averagePrecision)),
    seeds: SEEDS,
    rows: rows.length,
    dimensions: rows[0]?.length ?? 0,
    positives: rankings[0]?.positives ?? 0,
    reference: reference(file),
  }
}

async function table(file: string): Promise<{ rows: number[][]; labels: number[] }> {
  const rows: number[][] = []
  const labels: number[] = []
  for await (const { columns, fields } of recordsOf(file, ['label'])) {
    const at = columns.indexOf('label')
    const row = fields.filter((_, i) => i !== at).map(Number)
    if (row.length !== columns.length - 1 || !row.every(Number.isFinite)) {
      throw new ProcessorError('INPUT', `${file}: row ${rows.length + 1} is not ${columns.length} numbers`)
    }
    rows.push(row)
    labels.push(Number(fields[at]) === 1 ? POSITIVE : NEGATIVE)
  }
  if (rows.length < 2) throw new ProcessorError('INPUT', `${file}: a forest needs two rows or more`)
  return { rows, labels }
}

/** Beside the file, by its name without the ending. */
function reference(file: string): { auc: number; ap: number } | null {
  const path = join(dirname(file), REFERENCE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return null
  }
  try {
    const known: unknown = JSON.parse(text)[basename(file).replace(/\.csv(\.gz)?$/, '')]
    if (typeof known !== 'object' || known === null || !('auc' in known) || !('ap' in known)) return null
    return { auc: Number(known.auc), ap: Number(known.ap) }
  } catch (error) {
    throw new ProcessorError('INPUT', `${path}: ${messageOf(error)}`, { cause: error })
  }
}
