import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findLabelledSets } from '../../../src/evaluation/labelled-sets.ts'
import { folderWith, replayFiles, tableText } from '../../support/labelled-folders.ts'

describe('labelled sets are found', () => {
  it('in a folder of several, each recognised by its files, in natural order', async (t) => {
    const replay = Object.entries(replayFiles()).map(([file, text]) => [`runs/7/${file}`, text])
    const folder = await folderWith(t, {
      'adbench/10_b.csv.gz': tableText(),
      'adbench/2_a.csv': tableText(),
      'adbench/sklearn_reference.json': '{}',
      'shop/logs.jsonl.gz': '',
      'shop/labels.csv.gz': '',
      'shop/faults.json': '[]',
      'replay/gen_replay.py': '',
      'loghub/Apache/Apache_2k.log_structured.csv': 'LineId,Content,EventId\n',
      'nab/combined_windows.json': '{}',
      'nab/data/a/b.csv': 'timestamp,value\n',
      ...Object.fromEntries(replay),
    })
    const sets = await findLabelledSets(folder, [4, 5])
    assert.deepEqual(
      sets.map(({ kind, name }) => `${kind} ${name}`),
      [
        'forest adbench/2_a',
        'forest adbench/10_b',
        'templates loghub/Apache',
        'metrics nab',
        'generated replay/4',
        'generated replay/5',
        'incidents runs/7',
        'requests shop',
      ],
    )
  })

  it('in the folder of one set itself, under its own name', async (t) => {
    const folder = await folderWith(t, { 'adbench/2_a.csv': tableText() })
    const [set] = await findLabelledSets(join(folder, 'adbench'), [])
    assert.equal(set?.name, 'adbench/2_a')
  })

  it('but not among tables without numbers or labels', async (t) => {
    const folder = await folderWith(t, { 'a.csv': 'x,label\nred,0\n', 'b.csv': 'x,y\n1,2\n', 'c.csv': '' })
    await assert.rejects(findLabelledSets(folder, []), /holds no labelled set/)
  })

  it('and a folder that is not there is told by its name', async () => {
    await assert.rejects(findLabelledSets('/no/such/folder', []), /\/no\/such\/folder: there is no such folder/)
  })
})
