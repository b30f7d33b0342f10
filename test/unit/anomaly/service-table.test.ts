import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FrequencySketch } from '../../../src/anomaly/frequency-sketch.ts'
import { ServiceState } from '../../../src/anomaly/service-state.ts'
import { ServiceTable } from '../../../src/anomaly/service-table.ts'
import { TemplateBudget } from '../../../src/anomaly/template-store.ts'

const MAX = 20

function fullTable(): { table: ServiceTable; evicted: string[]; log: (name: string, bucket: number) => ServiceState } {
  const evicted: string[] = []
  const budget = new TemplateBudget()
  const create = (): ServiceState => new ServiceState(budget)
  const table = new ServiceTable({ max: MAX, create, evicted: ({ name }) => evicted.push(name) })
  const log = (name: string, bucket: number): ServiceState => {
    const state = table.of(name, bucket)
    state.advance(bucket)
    state.quiet.note(bucket)
    state.count()
    return state
  }
  return { table, evicted, log }
}

const names = (table: ServiceTable): string[] => table.seated.map(({ name }) => name)

describe('service table', () => {
  it('keeps established services, however many junk names come', () => {
    const { table, evicted, log } = fullTable()
    const real = Array.from({ length: MAX }, (_, i) => `real-${i}`)
    for (let i = 0; i < 200; i++) for (const name of real) log(name, 1)
    for (let i = 0; i < 200_000; i++) {
      log(`junk-${i}`, 2 + Math.floor(i / 1000))
      if (i % 500 === 0) for (const name of real) log(name, 2 + Math.floor(i / 1000))
    }
    assert.deepEqual(names(table), real)
    assert.deepEqual(evicted, [])
    assert.equal(table.overflowLogs, 200_000)
  })

  it('lets a real service in where junk came first', () => {
    const { table, log } = fullTable()
    for (let i = 0; i < 1000; i++) log(`junk-${i}`, 1)
    for (let bucket = 2; bucket < 30; bucket++) for (let i = 0; i < 5; i++) log('late-but-real', bucket)
    assert.ok(names(table).includes('late-but-real'))
    assert.equal(table.seated.length, MAX)
  })

  it('gives the place of a service that is gone for six hours to a new one', () => {
    const { table, evicted, log } = fullTable()
    for (let i = 0; i < 200; i++) for (let n = 0; n < MAX; n++) log(`old-${n}`, 1)
    for (let i = 0; i < 40; i++) log('new', 6 * 360)
    assert.ok(!names(table).includes('new'), 'nobody is gone yet')
    for (let i = 0; i < 40; i++) log('new', 1 + 6 * 360 + 1)
    assert.ok(names(table).includes('new'))
    assert.equal(evicted.length, 1)
  })

  it('judges all others in one state', () => {
    const { table, log } = fullTable()
    for (let i = 0; i < MAX; i++) log(`first-${i}`, 1)
    assert.equal(log('other-a', 1), log('other-b', 1))
    assert.equal(table.overflow?.logs, 2)
  })
})

describe('frequency sketch', () => {
  it('counts a name that comes often among 100,000 that come once', () => {
    const sketch = new FrequencySketch()
    let [often, highest] = [0, 0]
    for (let i = 0; i < 100_000; i++) {
      highest = Math.max(highest, sketch.add(`once-${i}`))
      if (i % 100 === 0) often = sketch.add('often')
    }
    assert.ok(often >= 100, `often: ${often}`)
    assert.ok(highest < 16, `once: up to ${highest}`)
  })

  it('forgets', () => {
    const sketch = new FrequencySketch()
    for (let i = 0; i < 1000; i++) sketch.add('gone')
    for (let i = 0; i < 200_000; i++) sketch.add(`other-${i}`)
    assert.ok(sketch.add('gone') < 16)
  })
})
