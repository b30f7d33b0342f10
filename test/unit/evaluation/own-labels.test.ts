import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { JudgedLogs } from '../../../src/evaluation/judged-logs.ts'
import { type OwnLabels, readOwnLabels } from '../../../src/evaluation/own-labels.ts'
import { folderWith } from '../../support/labelled-folders.ts'
import { eventAt, STREAM_START_MS } from '../../support/log-stream.ts'

async function labelled(t: TestContext, text: string): Promise<OwnLabels> {
  return readOwnLabels(join(await folderWith(t, { 'labels.csv': text }), 'labels.csv'))
}

const START = STREAM_START_MS / 1000

describe('labels of one’s own', () => {
  it('by position: where only unusual logs are named, all others are usual', async (t) => {
    const { labelOf } = await labelled(t, 'partition,offset,label\n0,5,1\n0,6,-1\n')
    const labels = [4, 5, 6].map((offset) => labelOf(eventAt(0, { offset })))
    assert.deepEqual(labels, [0, 1, -1])
  })

  it('by position: where usual ones are named too, nobody knows of the others', async (t) => {
    const { labelOf } = await labelled(t, 'partition,offset,item,label\n0,5,0,1\n0,5,1,0\n')
    const labels = [0, 1, 2].map((item) => labelOf(eventAt(0, { offset: 5, item })))
    assert.deepEqual(labels, [1, 0, -1])
  })

  it('by time: in ISO 8601 or seconds, both ends included, for the one service', async (t) => {
    const iso = new Date(STREAM_START_MS + 60_000).toISOString()
    const { labelOf } = await labelled(t, `service,from,to,type\ngateway,${iso},${START + 90},slow\n`)
    const labels = [59_999, 60_000, 90_000, 90_001].map((ms) => labelOf(eventAt(ms)))
    assert.deepEqual(labels, [0, 1, 1, 0])
    assert.equal(labelOf(eventAt(70_000, { service: 'search' })), 0)
  })

  it('unusual logs within two minutes of each other are one incident of their service', async (t) => {
    const { incidentsIn } = await labelled(t, 'partition,offset,label\n0,5,1\n')
    const logs = new JudgedLogs()
    for (const [service, seconds, label] of [
      ['a', 0, 1],
      ['b', 10, 1],
      ['a', 120, 1],
      ['a', 130, 0],
      ['a', 300, 1],
    ] as const) {
      logs.add({ service, seconds, label, score: 0, flagged: false, incident: 0 })
    }
    const incidents = incidentsIn(logs).map(({ id, service, from, to }) => [id, service, from, to])
    assert.deepEqual(incidents, [
      [1, 'a', 0, 120],
      [2, 'a', 300, 300],
      [3, 'b', 10, 10],
    ])
    assert.deepEqual(logs.incidents, [1, 3, 1, 0, 2])
  })

  for (const [what, text] of [
    ['no labels', 'partition,offset,label\n'],
    ['expected the columns', 'offset,label\n1,1\n'],
    ['label 1', 'partition,offset,label\n0,1,2\n'],
    ['label 1', 'partition,offset,label\n0,1,\n'],
    ['label 2', 'service,from,to\na,1,2\na,3,2\n'],
    ['label 1', 'service,from,to\na,yesterday,2\n'],
  ] as const) {
    it(`${JSON.stringify(text)} are refused: ${what}`, async (t) => {
      await assert.rejects(labelled(t, text), new RegExp(what))
    })
  }
})
