/**
 * Floods of names and of kinds of messages: what a log costs, what is kept, what is counted. Costs are CPU, as multiples of another run
 * in turns with the one under test, so that a busy machine slows both; the limits are far from what a scan of everything kept would cost.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Detector } from '../../../src/anomaly/detector.ts'
import { TemplateMiner } from '../../../src/anomaly/template-miner.ts'
import { TEMPLATES_MAX } from '../../../src/anomaly/template-store.ts'
import { epochMs, type LogEvent } from '../../../src/log.ts'
import { logStream, testRandom } from '../../support/log-stream.ts'

const SERVICES_MAX = 200
const CHUNK = 4_000
const CHUNKS = 30
/** Kinds of messages, or services, of the ordinary traffic that a flood is compared with. */
const ORDINARY = 40
const COST_MAX = 2.5
const MILLION = 1_000_000

const LOGS = logStream({ seed: 3, logs: CHUNK * CHUNKS, stepMs: 20 })

type Word = () => string
type Rewrite = (log: LogEvent, n: number, word: Word) => Partial<LogEvent>

/** The n-th kind of message or service. */
const FLOODS: Readonly<Record<string, Rewrite>> = {
  'kinds that begin alike': (_, _n, word) => ({ message: `request failed for ${word()} ${word()} ${word()}` }),
  'kinds that begin alike, with numbers': (log, _n, word) => ({ message: `job ${log.offset} took 5 ${word()} ${word()}` }), // biome-ignore format: one line
  'kinds with nothing in common': (_, _n, word) => ({ message: `${word()} ${word()} after ${word()}` }),
  'kinds of one service': (_, _n, word) => ({ service: 'one', message: `request failed for ${word()} ${word()}` }),
  'kinds of all lengths': (_, n, word) => ({ message: `request failed ${`${word()} `.repeat(1 + (n % 19))}` }),
  services: (_, _n, word) => ({ service: word() }),
  'services and kinds': (_, _n, word) => ({ service: word(), message: `request failed for ${word()} ${word()}` }),
}

/** Words of seven letters, so that no token is a variable by its looks; the same for the same n. */
function wordsOf(n: number): Word {
  const random = testRandom(n)
  return () => Array.from({ length: 7 }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('')
}

/** As it comes from Kafka: with texts of its own, in one piece each. */
function rewritten(log: LogEvent, n: number, rewrite: Rewrite): LogEvent {
  const { service, message, ...rest } = { ...log, ...rewrite(log, n, wordsOf(n)) }
  return { ...rest, service: flat(service), message: flat(message) }
}

function flat(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** CPU in microseconds. */
function cost(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

type Work = (chunk: number) => () => void

/** What `flood` costs in turns with `usual`, as a multiple; in the second half, when everything is full and compiled. */
function ratio(usual: Work, flood: Work): number {
  const costs = { usual: 0, flood: 0 }
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const [one, other] = [usual(chunk), flood(chunk)]
    const [least, most] = [cost(one), cost(other)]
    if (chunk < CHUNKS / 2) continue
    costs.usual += least
    costs.flood += most
  }
  return costs.flood / costs.usual
}

function detect(detector: Detector, rewrite: Rewrite, kinds: number): Work {
  return (chunk) => {
    const logs = LOGS.slice(chunk * CHUNK, (chunk + 1) * CHUNK)
    const read = logs.map((log) => rewritten(log, log.offset % kinds, rewrite))
    return () => {
      for (const log of read) detector.scoreThenLearn(log)
    }
  }
}

describe('a flood', () => {
  for (const [what, rewrite] of Object.entries(FLOODS)) {
    it(`of ${what} makes no log cost ${COST_MAX} times as much, and nothing grows`, { timeout: 600_000 }, (t) => {
      const options = { seed: 1, servicesMax: SERVICES_MAX }
      const [quiet, flooded] = [new Detector(options), new Detector(options)]
      const measured = ratio(detect(quiet, rewrite, ORDINARY), detect(flooded, rewrite, LOGS.length))
      t.diagnostic(`${what}: ${measured.toFixed(2)} times the cost`)
      assert.ok(measured <= COST_MAX, `${measured.toFixed(2)} times`)
      const { services, templates, overflowLogs, forgottenTemplates } = flooded.stats()
      assert.ok(services <= SERVICES_MAX, `${services} services`)
      assert.ok(templates <= (services + 1) * TEMPLATES_MAX, `${templates} templates of ${services} services`)
      assert.equal(overflowLogs, what.startsWith('services') ? LOGS.length - SERVICES_MAX : 0)
      if (what.startsWith('kinds')) assert.equal(templates + forgottenTemplates, LOGS.length, 'each is counted')
      assert.equal(quiet.stats().forgottenTemplates, 0, 'ordinary traffic forgets nothing')
      const bytes = flooded.snapshot().length
      for (const log of LOGS.slice(-CHUNK)) flooded.scoreThenLearn(rewritten(log, LOGS.length + log.offset, rewrite))
      assert.ok(flooded.snapshot().length <= bytes * 1.02, 'a full state does not grow')
    })
  }

  it('of a million services costs a log no more than twice as much, and 2,000 of them are kept', {
    timeout: 600_000,
  }, (t) => {
    const options = { seed: 1, servicesMax: 2_000 }
    const [quiet, flooded] = [new Detector(options), new Detector(options)]
    let number = 0
    const costs = { usual: 0, flood: 0 }
    for (let chunk = 0; chunk < MILLION / CHUNK; chunk++) {
      const laterMs = chunk * CHUNK * 20
      const usual = LOGS.slice(0, CHUNK).map((log) => ({ ...log, createdAt: epochMs(log.createdAt + laterMs) }))
      const flood = usual.map((log) => ({ ...log, service: flat(`service-${number++}`) }))
      const least = cost(() => usual.forEach((log) => void quiet.scoreThenLearn(log)))
      const most = cost(() => flood.forEach((log) => void flooded.scoreThenLearn(log)))
      // Warm by then.
      if (chunk < CHUNKS) continue
      costs.usual += least
      costs.flood += most
    }
    const measured = costs.flood / costs.usual
    t.diagnostic(`a million services: ${measured.toFixed(2)} times the cost`)
    assert.equal(number, MILLION)
    assert.ok(measured <= 2, `${measured.toFixed(2)} times`)
    const { services, overflowLogs } = flooded.stats()
    assert.equal(services, 2_000)
    assert.ok(overflowLogs > MILLION / 2, `${overflowLogs} counted as overflow`)
  })

  it('costs a message the same whether many templates are kept or few', { timeout: 600_000 }, (t) => {
    const mine = (miner: TemplateMiner): Work => {
      return (chunk) => {
        const messages = Array.from({ length: CHUNK }, (_, i) => {
          const word = wordsOf(chunk * CHUNK + i)
          return flat(`request failed for ${word()} ${word()} ${word()}`)
        })
        return () => {
          for (const message of messages) miner.idOf(message)
        }
      }
    }
    const few = new TemplateMiner({ templatesMax: 256, variantsMax: 16_384 })
    const many = new TemplateMiner({ templatesMax: 16_384, variantsMax: 16_384 })
    const measured = ratio(mine(few), mine(many))
    t.diagnostic(`64 times as many templates: ${measured.toFixed(2)} times the cost`)
    assert.equal(few.size, 256)
    assert.equal(many.size, 16_384)
    assert.ok(measured <= 6, `64 times as many templates: ${measured.toFixed(2)} times the cost`)
  })
})
