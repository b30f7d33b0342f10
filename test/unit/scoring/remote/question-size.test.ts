/** How many logs a busy pipeline asks about at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuestionSize } from '../../../../src/scoring/remote/question-size.ts'

const FREE = { answered: true, stalledMs: 0, leftShare: 1 }

test('it doubles until that was too many', () => {
  const size = new QuestionSize()
  const sizes: number[] = []
  for (let i = 0; i < 4; i++) {
    sizes.push(size.logs)
    size.learn({ ...FREE, logs: size.logs })
  }
  assert.deepEqual(sizes, [100, 200, 400, 800])
  size.learn({ logs: 8_000, answered: true, stalledMs: 20, leftShare: 0.4 })
  assert.equal(size.logs, 6_000)
  size.learn({ ...FREE, logs: 6_000 })
  assert.equal(size.logs, 6_600, 'in small steps from then on')
})

test('an answer that came late is forgiven while the account is at least half full', () => {
  const size = new QuestionSize()
  size.learn({ logs: 500, answered: true, stalledMs: 40, leftShare: 0.6 })
  assert.equal(size.logs, 1_000)
  size.learn({ logs: 1_000, answered: true, stalledMs: 0, leftShare: 0.2 })
  assert.equal(size.logs, 1_000, 'one in time neither helps nor harms while it is not')
})

test('a question in vain halves it, down to what an unknown engine is asked', () => {
  const size = new QuestionSize()
  size.learn({ ...FREE, logs: 1_600 })
  size.learn({ logs: 3_200, answered: false, stalledMs: 100, leftShare: 0 })
  assert.equal(size.logs, 1_600)
  for (let i = 0; i < 5; i++) size.learn({ logs: size.logs, answered: false, stalledMs: 0, leftShare: 1 })
  assert.equal(size.logs, 100)
})

test('a small batch that was answered says nothing against a large one', () => {
  const size = new QuestionSize()
  size.learn({ ...FREE, logs: 5_000 })
  size.learn({ ...FREE, logs: 10 })
  assert.equal(size.logs, 10_000)
  size.reset()
  assert.equal(size.logs, 100)
})

test('it comes to rest about where the answers are in time', () => {
  const size = new QuestionSize()
  let leftMs = 100
  let sum = 0
  for (let i = 0; i < 1_000; i++) {
    if (i >= 200) sum += size.logs
    // 10 logs a ms; 80 ms of 100 cost nothing; 3 ms a question are allowed.
    const stalledMs = Math.max(0, size.logs / 10 - 80)
    leftMs = Math.min(100, leftMs + 3) - stalledMs
    size.learn({ logs: size.logs, answered: true, stalledMs, leftShare: leftMs / 100 })
  }
  assert.ok(sum / 800 > 650 && sum / 800 < 850, `${sum / 800}`)
})
