import assert from 'node:assert/strict'
import { it } from 'node:test'
import { episodesOf, falseEpisodes } from '../../../src/evaluation/episodes.ts'

it('moments at most two minutes apart are one episode, in whatever order they come', () => {
  assert.deepEqual(episodesOf([300, 0, 120, 240, 421]), [
    { from: 0, to: 300 },
    { from: 421, to: 421 },
  ])
  assert.deepEqual(episodesOf([]), [])
})

it('an episode is false unless it touches an incident or the two minutes after one', () => {
  const incident = { from: 1000, to: 2000 }
  const touching = [
    { from: 900, to: 1000 },
    { from: 1500, to: 1500 },
    { from: 2120, to: 2300 },
  ]
  const apart = [
    { from: 900, to: 999 },
    { from: 2121, to: 2300 },
  ]
  assert.deepEqual(falseEpisodes([...touching, ...apart], [incident]), apart)
})
