import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StateReader, StateWriter } from '../../../src/anomaly/state-bytes.ts'
import { TemplateMiner } from '../../../src/anomaly/template-miner.ts'
import { testRandom } from '../../support/log-stream.ts'

const USERS = ['ada', 'grace', 'edsger', 'barbara', 'donald', 'frances', 'john', 'margaret']

/** Kinds of messages, each with a way to write one; words and numbers vary. */
const KINDS: readonly ((random: () => number) => string)[] = [
  (random) => `session of user ${pick(random)} was opened on the console by the login service`,
  (random) => `session of user ${pick(random)} was closed on the console by the login service`,
  (random) =>
    `block blk_${whole(random)} of file /data/${whole(random)}/part was replicated to 10.0.${whole(random)}.7:50010`,
  (random) => `connection from 10.1.1.${whole(random)} at Mon Jun ${whole(random)} refused`,
  (random) => `GET /api/order/${whole(random)} ${whole(random)}`,
  (random) => `GET /api/cart/${whole(random)} ${whole(random)}`,
  () => 'cache cleared',
  () => 'cache filled',
]

function whole(random: () => number): number {
  return Math.floor(random() * 100_000)
}

function pick(random: () => number): string {
  return USERS[Math.floor(random() * USERS.length)] ?? ''
}

function mixture(seed: number, messages: number): { kind: number; message: string }[] {
  const random = testRandom(seed)
  return Array.from({ length: messages }, () => {
    const kind = Math.floor(random() * KINDS.length)
    return { kind, message: KINDS[kind]?.(random) ?? '' }
  })
}

/** Letters only, so that no token is a variable by its looks. */
function letters(n: number): string {
  return n.toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '')
}

function restored(miner: TemplateMiner): TemplateMiner {
  const writer = new StateWriter()
  miner.exchange(writer)
  const again = new TemplateMiner({ templatesMax: 64, variantsMax: 256 })
  const reader = new StateReader(writer.finish())
  again.exchange(reader)
  assert.ok(reader.ended)
  return again
}

describe('template miner', () => {
  it('groups messages by kind, also where the variables are words', () => {
    const miner = new TemplateMiner()
    const ids = new Map<number, Set<number>>()
    for (const { kind, message } of mixture(1, 4000)) {
      const known = ids.get(kind) ?? new Set()
      ids.set(kind, known.add(miner.idOf(message)))
    }
    assert.equal(ids.size, KINDS.length)
    for (const [kind, found] of ids) assert.equal(found.size, 1, `kind ${kind} has ${found.size} templates`)
    assert.equal(new Set([...ids.values()].flatMap((found) => [...found])).size, KINDS.length)
    assert.equal(miner.size, KINDS.length)
  })

  it('keeps short messages apart that differ in a word, and operations that differ in a part of their path', () => {
    const miner = new TemplateMiner()
    const kinds = ['GET /api/order/1', 'GET /api/cart/1', 'POST /api/order/1', 'order created', 'order paid', 'created order', 'a=b', 'a=c', 'a/b'] // biome-ignore format: one line
    assert.equal(new Set(kinds.map((message) => miner.idOf(message))).size, kinds.length)
  })

  it('takes numbers, paths with numbers, dates and runs of them for variables', () => {
    const miner = new TemplateMiner()
    const same = (a: string, b: string): void => assert.equal(miner.idOf(a), miner.idOf(b), `${a} | ${b}`)
    same('id=7', 'id=ab12')
    same('on Mon Jun 20 done', 'on TUE jan 3 done')
    same('to /10.1.2.3 now', 'to /10.9.9.9:80 now')
    same('from 1/2/3 on', 'from 12 on')
    same('  spaced \t out 1 ', 'spaced out 2')
    assert.notEqual(miner.idOf('may be'), miner.idOf('maybe be'))
    assert.notEqual(miner.idOf(''), miner.idOf('1'))
    assert.equal(miner.idOf(''), miner.idOf(' \n'))
  })

  it('gives the same ids for the same messages in the same order', () => {
    const messages = mixture(3, 2000).map(({ message }) => message)
    const run = (): number[] => {
      const miner = new TemplateMiner()
      return messages.map((message) => miner.idOf(message))
    }
    assert.deepEqual(run(), run())
  })

  it('writes the template as people read it', () => {
    const miner = new TemplateMiner()
    const message = 'session of user ada was opened on the console by the login service'
    miner.idOf(message)
    assert.equal(miner.textOf(message, 100), message)
    miner.idOf(message.replace('ada', 'grace'))
    assert.equal(miner.textOf(message, 100), message.replace('ada', '*'))
    assert.equal(miner.textOf('never seen 17 (3 times)', 100), 'never seen * (* times)')
    assert.equal(miner.size, 1, 'looking teaches nothing')
    assert.equal(miner.textOf(message, 10), 'session o…')
  })

  it('goes on from its bytes as if it had never stopped, in the middle of a flood too', () => {
    const random = testRandom(5)
    const messages = mixture(5, 1500).map(({ message }) =>
      random() < 0.3 ? `flood of ${letters(whole(random))} and ${letters(whole(random))}` : message,
    )
    for (const cut of [0, 1, 100, 777]) {
      const whole = new TemplateMiner({ templatesMax: 64, variantsMax: 256 })
      for (const message of messages.slice(0, cut)) whole.idOf(message)
      const again = restored(whole)
      const rest = messages.slice(cut)
      assert.deepEqual(rest.map((each) => again.idOf(each)), rest.map((each) => whole.idOf(each)), `cut at ${cut}`) // biome-ignore format: one line
      const [one, two] = [new StateWriter(), new StateWriter()]
      whole.exchange(one)
      again.exchange(two)
      assert.deepEqual(two.finish(), one.finish(), `bytes after a cut at ${cut}`)
    }
  })

  it('stays bounded under a flood of kinds, and keeps the ids of those in use', () => {
    const miner = new TemplateMiner({ templatesMax: 64, variantsMax: 256 })
    const used = KINDS.map((kind) => kind(testRandom(7)))
    const ids = used.map((message) => miner.idOf(message))
    for (let i = 0; i < 50_000; i++) {
      miner.idOf(`${letters(i)} came from nowhere`)
      const at = i % used.length
      assert.equal(miner.idOf(used[at] ?? ''), ids[at], `after ${i}`)
    }
    assert.equal(miner.size, 64)
  })

  it('compares a new message with few templates, however many begin like it', () => {
    const miner = new TemplateMiner({ templatesMax: 4096, variantsMax: 16_384 })
    for (let i = 0; i < 20_000; i++) miner.idOf(`it is ${letters(i)} ${letters(i * 7)} ${letters(i * 13)}`)
    assert.equal(miner.size, 4096)
    assert.equal(miner.idOf('it is ada grace edsger'), miner.idOf('it is ada grace edsger'))
  })

  it('refuses bytes that are none of its own', () => {
    const writer = new StateWriter()
    new TemplateMiner({ templatesMax: 64, variantsMax: 256 }).exchange(writer)
    const large = new TemplateMiner({ templatesMax: 512, variantsMax: 2048 })
    for (let i = 0; i < 400; i++) large.idOf(`kind ${letters(i)}`)
    const larger = new StateWriter()
    large.exchange(larger)
    const small = new TemplateMiner({ templatesMax: 64, variantsMax: 256 })
    assert.throws(() => small.exchange(new StateReader(larger.finish())), { name: 'RangeError' })
  })
})
