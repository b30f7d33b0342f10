import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { StateReader, StateWriter } from '../../../src/anomaly/state-bytes.ts'
import { COUNT, TEMPLATES_MAX, TemplateBudget, TemplateStore } from '../../../src/anomaly/template-store.ts'

/** Uses the templates one after the other, `rounds` times; returns how many were known. */
function use(store: TemplateStore, ids: readonly number[], rounds: number): number {
  let known = 0
  for (let round = 0; round < rounds; round++) {
    for (const id of ids) {
      const found = store.find(id)
      if (found >= 0) known++
      const at = found >= 0 ? found : store.add(id)
      store.values[at + COUNT]!++
    }
  }
  return known
}

const ids = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

describe('template store', () => {
  it('keeps 64 templates of a service that never says the same twice', () => {
    const budget = new TemplateBudget()
    const before = budget.left
    const store = new TemplateStore(budget)
    use(store, ids(0, 5000), 1)
    assert.equal(store.size, TEMPLATES_MAX)
    assert.equal(budget.left, before)
  })

  it('keeps hundreds of templates of a service that uses them all, each where it was', () => {
    const store = new TemplateStore(new TemplateBudget())
    // Hundreds of kinds are not used in turn: new ones come along while the known ones go on.
    for (let known = 8; known <= 512; known += 8) use(store, ids(0, known), 3)
    assert.equal(store.size, 512)
    assert.equal(use(store, ids(0, 512), 1), 512)
    use(store, ids(10_000, 100), 1)
    assert.equal(store.size, 512, 'and no more')
    assert.ok(use(store, ids(0, 511), 1) >= 510, 'a flood of new ones costs the rarest at most')
  })

  it('shares one budget: when it is spent, services have their own 64', () => {
    const budget = new TemplateBudget()
    budget.left = 448
    const stores = [1, 2, 3].map(() => new TemplateStore(budget))
    for (const store of stores) for (let known = 8; known <= 512; known += 8) use(store, ids(0, known), 3)
    assert.deepEqual(
      stores.map((store) => store.size),
      [512, 64, 64],
    )
    assert.equal(budget.left, 0)
  })

  it('is the same after its bytes, its share of the budget too', () => {
    const budget = new TemplateBudget()
    const store = new TemplateStore(budget)
    for (let known = 8; known <= 100; known += 4) use(store, ids(0, known), 3)
    const writer = new StateWriter()
    store.exchange(writer)
    const otherBudget = new TemplateBudget()
    const other = new TemplateStore(otherBudget)
    other.exchange(new StateReader(writer.finish()))
    assert.equal(otherBudget.left, budget.left)
    assert.equal(other.size, store.size)
    for (const id of ids(0, 120)) assert.equal(other.find(id), store.find(id))
    assert.deepEqual(other.values, store.values)
  })

  it('finds what a Map would find, whatever came and went', () => {
    // Few ids, many of which begin their search at the same place of the index.
    const id = fc.oneof(
      fc.integer({ min: -200, max: 200 }),
      fc.integer({ min: 0, max: 100 }).map((n) => (n << 20) | 5),
    )
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 600, size: 'max' }), (sequence) => {
        const store = new TemplateStore(new TemplateBudget())
        const model = new Map<number, number>()
        for (const each of sequence) {
          assert.equal(store.find(each), model.get(each) ?? -1)
          if (model.has(each)) continue
          const at = store.add(each)
          // A slot that is used again was another template's.
          for (const [other, place] of model) if (place === at) model.delete(other)
          model.set(each, at)
          store.values[at + COUNT]!++
        }
        assert.equal(store.size, model.size)
        for (const [known, at] of model) assert.equal(store.find(known), at)
      }),
    )
  })
})
