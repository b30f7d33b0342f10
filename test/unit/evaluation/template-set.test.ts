import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it } from 'node:test'
import { groupingAccuracy, measureTemplates } from '../../../src/evaluation/template-set.ts'
import { folderWith } from '../../support/labelled-folders.ts'

it('a message is grouped right where its group holds the messages of its kind, all of them and no others', () => {
  assert.equal(groupingAccuracy([1, 1, 2, 2], ['a', 'a', 'b', 'b']), 1)
  assert.equal(groupingAccuracy([1, 1, 2, 3], ['a', 'a', 'b', 'b']), 0.5)
  assert.equal(groupingAccuracy([1, 1, 1, 2], ['a', 'a', 'b', 'c']), 0.25)
  assert.equal(groupingAccuracy([1, 2, 3, 4], ['a', 'a', 'a', 'a']), 0)
})

it('messages of known kinds are mined out of a LogHub file, quoted fields included', async (t) => {
  const rows = Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0 ? `${i},"user ${i} logged in, from 10.0.0.${i}",E1` : `${i},disk sda${i} is full,E2`,
  )
  const folder = await folderWith(t, { 'a_structured.csv': `LineId,Content,EventId\n${rows.join('\n')}\n` })
  const found = await measureTemplates('a', join(folder, 'a_structured.csv'))
  assert.deepEqual(found, {
    name: 'a',
    task: 'templates',
    grouping_accuracy: 1,
    messages: 40,
    templates: 2,
    reference: { templates: 2 },
  })
})
