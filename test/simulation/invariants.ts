/**
 * What must hold after every step, whatever failed (docs/exactly-once.md):
 *
 *   I1 rows are the effects of [base, next), each once      I2 next_offset moves in the transaction that writes them
 *   I3 every offset is counted once                         I4 a hole is proven, a gap is real
 *   I5 epochs grow, each given once; only the newest commits I6 nothing is read before its ledger row is durable
 *   I7 Kafka's committed offset is never ahead              I8 every value is a function of the records before it
 *   I9 memory stays within its budget                       I10 everything moves on once the world is well
 *   I11 aggregates, letters, alerts and snapshots come with their rows
 */
import { alarms, chained, isBlind, scoreOf, stateIn } from './chain-scorer.ts'
import type { Cluster } from './cluster.ts'
import {
  type Advance,
  type Changes,
  type Database,
  keyOf,
  type LedgerRow,
  type StoredLog,
  type TopicRow,
} from './database.ts'
import { type Expected, nothingExpected, sameLetters, sameRows } from './expected.ts'
import type { PartitionLog, Truth } from './partition-log.ts'
import { fail, Violation } from './violation.ts'

export class Invariants {
  readonly #cluster: Cluster
  readonly #database: Database
  /** Where each partition began. */
  readonly #bases = new Map<string, number>()
  /** Every epoch that a claim got, of whatever timeline. */
  readonly #epochsGiven = new Map<string, Set<number>>()
  /** The detector's memory as it has to be, by the offset it stands at. */
  readonly #chains = new Map<string, Map<number, number>>()
  /** Logs that have lost what the ledger holds: nothing more may be stored of them. */
  readonly truncatedBehind = new Set<PartitionLog>()
  /** Scores that nobody could know, because retention had taken what they follow from. */
  blindScores = 0
  rowsCommitted = 0
  retained = false

  constructor(cluster: Cluster, database: Database) {
    this.#cluster = cluster
    this.#database = database
  }

  /** A transaction is about to be committed. */
  committing(changes: Changes): void {
    const advanced = new Set(changes.advances.map((each) => each.part))
    for (const { partition } of changes.letters)
      if (!advanced.has(partition)) fail('I2', `dead letters of partition ${partition} without its position`)
    for (const { partition } of changes.logs)
      if (!advanced.has(partition)) fail('I2', `rows of partition ${partition} without its position`)
    for (const topic of changes.topics) this.#pinnedOnce(topic)
    for (const [key, row] of changes.ledger) this.#epochs(key, row, changes)
    for (const advance of changes.advances) this.#advance(advance, changes)
  }

  /** Kafka takes committed offsets. */
  hinted(offsets: readonly { partition: number; offset: number }[]): void {
    if (this.#database.timeline > 0) return
    for (const { partition, offset } of offsets) {
      let next = -1
      for (const row of this.#database.ledger.values()) if (row.part === partition) next = Math.max(next, row.next)
      if (offset > next) fail('I7', `Kafka holds ${offset} for partition ${partition}, the ledger ${next}`)
    }
  }

  /** Records of a partition are about to be looked at. */
  reading(incarnation: number, partition: number): void {
    if (this.#database.timeline === 0 && !this.#database.ledger.has(keyOf(incarnation, partition)))
      fail('I6', `partition ${partition} is read before the ledger knows it`)
  }

  claimed(incarnation: number, partition: number, epoch: number): void {
    if (this.#database.timeline > 0) return
    const row = this.#database.ledger.get(keyOf(incarnation, partition))
    if (row === undefined || row.epoch < epoch) fail('I5', `epoch ${epoch} of partition ${partition} is not durable`)
  }

  /** The whole table against the whole truth. */
  whole(): void {
    for (const [key, row] of this.#database.ledger) {
      const logs = this.#logsOf(row)
      if (row.base !== this.#bases.get(key))
        fail('I6', `${key} begins at ${row.base} now, and began at ${this.#bases.get(key)}`)
      if (logs.length !== row.rows) fail('I1', `${logs.length} rows of ${key}, the ledger counts ${row.rows}`)
      const seen = new Set(logs.map((each) => each.offset * 64 + each.item))
      if (seen.size !== logs.length) fail('I1', `${logs.length - seen.size} rows of ${key} are there twice`)
      const log = this.#logOf(row.incarnation, row.part)
      if (log === undefined || this.truncatedBehind.has(log) || row.gaps > 0) continue
      let rows = 0
      for (let offset = row.base; offset < row.next; offset++) {
        const truth = log.truth[offset]
        if (truth !== undefined && truth !== 'hole') rows += truth.rows.length - truth.poison.length
      }
      if (rows !== logs.length) fail('I1', `${logs.length} rows of ${key} where ${rows} belong`)
    }
  }

  /** Rows of a partition under its topic's id. */
  #logsOf({ incarnation, part }: LedgerRow): StoredLog[] {
    const { topics, logs } = this.#database
    const mine = (topicId: number): boolean => {
      const topic = topics.find(({ id }) => id === topicId)
      if (topic === undefined) fail('I1', `rows under topic id ${topicId}, which is no topic`)
      return topic.incarnation === incarnation
    }
    return [...logs.values()].flat().filter((each) => each.partition === part && mine(each.topicId))
  }

  /** A topic's id stands for one incarnation: under a second one everything of it would be there again. */
  #pinnedOnce({ id, key }: TopicRow): void {
    const before = this.#database.topics.find((each) => each.key === key && each.id !== id)
    if (key !== '' && before !== undefined)
      fail('I1', `topic ${key} is pinned again, after incarnation ${before.incarnation}`)
  }

  #epochs(key: string, row: LedgerRow, changes: Changes): void {
    const before = this.#database.ledger.get(key)
    if (before === undefined) {
      this.#begins(key, row, changes)
      return
    }
    if (row.base !== this.#bases.get(key))
      fail('I6', `${key} begins at ${row.base} now, and began at ${this.#bases.get(key)}`)
    if (row.epoch < before.epoch) fail('I5', `the epoch of ${key} goes back from ${before.epoch} to ${row.epoch}`)
    if (row.epoch > before.epoch) this.#givenOnce(key, row.epoch)
    const moved = changes.advances.some((each) => keyOf(each.incarnation, each.part) === key)
    if (row.next !== before.next && !moved) fail('I2', `the position of ${key} moves by itself`)
  }

  /** Also after a failover that has taken the claim back: its owner may still believe in it. */
  #givenOnce(key: string, epoch: number): void {
    const given = this.#epochsGiven.get(key) ?? new Set()
    if (given.has(epoch)) fail('I5', `epoch ${epoch} of ${key} is given a second time`)
    this.#epochsGiven.set(key, given.add(epoch))
  }

  /** A row is pinned: what came after the pipeline is read from its beginning, the rest as the policy says. */
  #begins(key: string, row: LedgerRow, changes: Changes): void {
    this.#bases.set(key, row.base)
    const added = row.incarnation > 0 || changes.topics.length === 0
    if (added && row.base !== 0) fail('I6', `${key} is younger than the pipeline and begins at ${row.base}`)
  }

  #advance(advance: Advance, changes: Changes): void {
    const { incarnation, part, from, to, epoch } = advance
    const key = keyOf(incarnation, part)
    const before = this.#database.ledger.get(key)
    const row = changes.ledger.get(key)
    if (before === undefined || row === undefined) fail('I2', `${key} moves without a row`)
    const log = this.#logOf(incarnation, part)
    if (log === undefined) fail('I2', `incarnation ${incarnation} of nothing`)
    if (epoch !== before.epoch) fail('I5', `epoch ${epoch} commits ${key}, which has ${before.epoch}`)
    if (from !== before.next || to <= from)
      fail('I2', `${key} moves from ${from} to ${to} and stands at ${before.next}`)
    const expected = this.#believable(log, advance, changes)
    this.#compareCounts(key, before, row, expected)
    this.#compareScores(advance, before, expected, changes)
    this.rowsCommitted += expected.rows.length
  }

  /** What the range has to be; of a log that was cut, what it was before, if it was read before. */
  #believable(log: PartitionLog, advance: Advance, changes: Changes): Expected {
    const { former } = log
    if (former === null || advance.to <= former.at) return this.#compared(log, advance, changes, log.truth)
    if (this.truncatedBehind.has(log)) {
      return this.#compared(log, advance, changes, former.truth)
    }
    try {
      return this.#compared(log, advance, changes, log.truth)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      const read = this.#compared(log, advance, changes, former.truth)
      this.truncatedBehind.add(log)
      return read
    }
  }

  #compared(log: PartitionLog, advance: Advance, changes: Changes, truth: readonly (Truth | undefined)[]): Expected {
    const expected = this.#expected(log, advance, { changes, truth })
    this.#compareRows(advance, expected, changes)
    return expected
  }

  #expected(
    log: PartitionLog,
    { incarnation, part, from, to }: Advance,
    of: { changes: Changes; truth: readonly (Truth | undefined)[] },
  ): Expected {
    const gap = of.changes.gaps.find((each) => each.incarnation === incarnation && each.partition === part)
    const expected = nothingExpected()
    const { counts } = expected
    for (let offset = from; offset < to; offset++) {
      if (gap !== undefined && offset >= gap.from && offset < gap.to) {
        if (offset >= log.start) fail('I4', `offset ${offset} of partition ${part} is called lost, and is there`)
        counts.gaps++
        continue
      }
      const truth = of.truth[offset]
      if (truth === undefined) fail('I4', `offset ${offset} of partition ${part} is passed before it is decided`)
      if (truth === 'hole') counts.holes++
      else if (truth.skipped) counts.skipped++
      else {
        const before = expected.rows.length
        for (const { item, message } of truth.rows) {
          expected.messages.push(message)
          if (!truth.poison.includes(item))
            expected.rows.push({ offset, item, message, createdMs: truth.recordMs ?? Number.NaN })
        }
        const rows = expected.rows.length - before
        if (rows > 0) counts.records++
        else counts.dead++
        if (rows > 0) counts.deadItems += truth.letters.length + truth.poison.length
        counts.rows += rows
        for (const item of truth.letters) expected.letters.push({ offset, item })
        for (const item of truth.poison) expected.letters.push({ offset, item })
      }
    }
    return expected
  }

  #compareRows({ incarnation, part }: Advance, expected: Expected, changes: Changes): void {
    const topicId = this.#database.topics.find((each) => each.incarnation === incarnation)?.id
    const stored = changes.logs.filter((each) => each.partition === part)
    sameRows(`rows of partition ${part}`, stored, expected.rows)
    // A failover may lose a pin with its id; who had it still names it until its next claim.
    if (this.#database.timeline === 0 && stored.some((each) => each.topicId !== topicId))
      fail('I1', `rows of partition ${part} name another topic`)
    const letters = changes.letters.filter((each) => each.partition === part)
    sameLetters(`dead letters of partition ${part}`, letters, expected.letters)
    if ((changes.counted.get(part) ?? 0) !== stored.length)
      fail('I11', `aggregates of partition ${part} count other rows`)
    const told = changes.alerts.filter((each) => each.partition === part && each.incarnation === incarnation)
    const services = told.map(({ service }) => service).join()
    const raised = expected.messages.filter(alarms).join()
    if (services !== raised) fail('I11', `alerts of partition ${part} on [${services}] instead of [${raised}]`)
  }

  #compareCounts(key: string, before: LedgerRow, row: LedgerRow, { counts }: Expected): void {
    for (const name of ['records', 'dead', 'deadItems', 'skipped', 'holes', 'gaps', 'rows'] as const) {
      const counted = row[name] - before[name]
      if (counted === counts[name]) continue
      fail(
        name === 'holes' || name === 'gaps' ? 'I4' : 'I3',
        `${key} counts ${counted} ${name} where ${counts[name]} are`,
      )
    }
  }

  #compareScores(
    { incarnation, part, from, to }: Advance,
    before: LedgerRow,
    expected: Expected,
    changes: Changes,
  ): void {
    const key = keyOf(incarnation, part)
    const chain = this.#chains.get(key) ?? new Map<number, number>()
    this.#chains.set(key, chain)
    let state = from === before.base ? 0 : chain.get(from)
    if (state === undefined) fail('I2', `nobody knows what was learned of ${key} before ${from}`)
    // Rows come in the order of the messages, but for those that the database refused.
    const stored = changes.logs.filter((each) => each.partition === part)
    let row = 0
    for (const message of expected.messages) {
      state = chained(state, message)
      const log = stored[row]
      if (log?.message !== message) continue
      row++
      if (log.source === 'rules') this.blindScores++
      else if (log.score !== scoreOf(state))
        fail('I8', `the score of ${key}:${log.offset} does not follow from the records before it`)
    }
    if (row < stored.length) fail('I8', `${stored.length - row} scores of ${key} belong to no record`)
    if (this.blindScores > 0 && !this.retained) fail('I8', `${key} is scored without what was learned before`)
    const snapshot = changes.snapshots.get(key)
    if (snapshot !== undefined && snapshot.atOffset !== to)
      fail('I11', `the snapshot of ${key} is of ${snapshot.atOffset}, not ${to}`)
    if (snapshot !== undefined && !isBlind(snapshot.state) && stateIn(snapshot.state) !== state)
      fail('I8', `the snapshot of ${key} at ${to} does not follow from the records before it`)
    chain.set(to, state)
  }

  #logOf(incarnation: number, part: number): PartitionLog | undefined {
    const row = this.#database.topics.find((each) => each.incarnation === incarnation)
    const { topics, clusterId } = this.#cluster
    const topic = row?.key === '' ? topics[0] : topics.find((each) => row?.key === `${clusterId}:${each.id}`)
    return topic?.partitions[part]
  }
}
