/**
 * The SQL that the product sends, recognised by how it begins and done by hand. A statement about a table that nobody here looks
 * at is taken as done; one about the ledger that is not known is an error of the simulation, told at once.
 */

import { LOGS_ATTRIBUTES } from '../support/no-database.ts'
import { type Database, keyOf, type LedgerRow, type Transaction } from './database.ts'
import { advance } from './flush-statements.ts'

export interface Answer {
  readonly rows: Record<string, unknown>[]
  readonly command: string
}

export interface Execution {
  readonly database: Database
  readonly transaction: Transaction
  /** Settings of the transaction: `set local`. */
  readonly settings: Map<string, number>
}

const NOTHING: Answer = { rows: [], command: 'OK' }
const GONE_AFTER_MS = 60_000

type Handler = (at: Execution, values: readonly unknown[], sql: string) => Answer | Promise<Answer>

const HANDLERS: readonly (readonly [string, Handler])[] = [
  ['select pg_advisory_xact_lock', advisoryLock],
  ['select id, incarnation, topic_key from ingest_topic', pinnedTopics],
  ['update ingest_topic set topic_key', nameTopic],
  ['insert into ingest_topic', insertTopic],
  ['insert into ingest_ledger', insertLedger],
  ['select part, case when owner_group', lockForClaim],
  ['with claimed as (', claim],
  ['update ingest_ledger set owner = null, owner_group = null', leave],
  ['update ingest_ledger set owner = null', release],
  ['update ingest_ledger set seen_at', seen],
  ['select a.attname as name', columns],
  ['select pg_get_serial_sequence', sequence],
  ['select nextval', nextval],
  ['select next_offset', plainRead],
  ['select ingest_advance(', advanceAlone],
]

const known = new Map<string, Handler | null>()

function handlerOf(sql: string): Handler | null {
  const found = known.get(sql)
  if (found !== undefined) return found
  const plain = sql.replace(/\s+/g, ' ').trim().toLowerCase()
  const handler = HANDLERS.find(([begin]) => plain.startsWith(begin))?.[1] ?? null
  if (handler === null && /ingest_(ledger|topic|advance)/.test(plain))
    throw new Error(`the simulated database does not know: ${plain}`)
  known.set(sql, handler)
  return handler
}

/** One statement with its values; not `begin` and `commit`, which are the session's. */
export async function execute(at: Execution, sql: string, values: readonly unknown[]): Promise<Answer> {
  const local = /^\s*set local (\w+) = '(\d+)s'/.exec(sql)
  if (local !== null) {
    at.settings.set(local[1] ?? '', Number(local[2]) * 1000)
    return NOTHING
  }
  const handler = handlerOf(sql)
  return handler === null ? NOTHING : await handler(at, values, sql)
}

async function advisoryLock({ database, transaction }: Execution): Promise<Answer> {
  await database.lock(transaction, 'advisory', null)
  return NOTHING
}

function pinnedTopics({ database }: Execution): Answer {
  const pinned = database.topics.toSorted((a, b) => b.incarnation - a.incarnation)
  return { rows: pinned.map(({ id, incarnation, key }) => ({ id, incarnation, topic_key: key })), command: 'SELECT' }
}

function nameTopic({ database, transaction }: Execution, [id, key]: readonly unknown[]): Answer {
  const found = database.topics.find((each) => each.id === id)
  if (found !== undefined) transaction.changes.topics.push({ ...found, key: String(key) })
  return NOTHING
}

function insertTopic({ database, transaction }: Execution, values: readonly unknown[]): Answer {
  const topic = { id: database.nextId(), incarnation: Number(values[2]), key: String(values[3]) }
  transaction.changes.topics.push(topic)
  return { rows: [{ id: topic.id }], command: 'INSERT' }
}

function insertLedger({ database, transaction }: Execution, values: readonly unknown[]): Answer {
  const incarnation = Number(values[2])
  const [parts, offsets, leaderEpochs] = [numbers(values[3]), numbers(values[4]), nullable(values[5])]
  parts.forEach((part, index) => {
    const key = keyOf(incarnation, part)
    if (database.row(transaction, key) === undefined)
      transaction.changes.ledger.set(
        key,
        newRow(database, { incarnation, part, offset: offsets[index] ?? 0, leaderEpoch: leaderEpochs[index] ?? null }),
      )
  })
  return NOTHING
}

/** A row's epoch goes on where earlier topics of this name had come to. */
function newRow(
  database: Database,
  at: { incarnation: number; part: number; offset: number; leaderEpoch: number | null },
): LedgerRow {
  const { incarnation, part, offset, leaderEpoch } = at
  let epoch = 0
  for (const row of database.ledger.values()) if (row.part === part) epoch = Math.max(epoch, row.epoch)
  return {
    incarnation,
    part,
    base: offset,
    next: offset,
    epoch,
    owner: null,
    group: null,
    seenAtMs: Number.NEGATIVE_INFINITY,
    records: 0,
    dead: 0,
    deadItems: 0,
    skipped: 0,
    holes: 0,
    gaps: 0,
    rows: 0,
    leaderEpoch,
    tailOffset: null,
    tailTimestamp: null,
    tailCrc: null,
  }
}

async function lockForClaim(at: Execution, values: readonly unknown[]): Promise<Answer> {
  const { database, transaction, settings } = at
  const incarnation = Number(values[2])
  const group = String(values[5])
  const rows: Record<string, unknown>[] = []
  for (const part of numbers(values[3]).toSorted((a, b) => a - b)) {
    const row = await database.forUpdate(transaction, keyOf(incarnation, part), settings.get('lock_timeout') ?? null)
    if (row !== null) rows.push({ part, rival: rivalOf(database, row, group) })
  }
  return { rows, command: 'SELECT' }
}

/** The other group that lives on this partition, or, where nobody has it, on any of the topic. */
function rivalOf(database: Database, row: LedgerRow, group: string): string | null {
  const live = (each: LedgerRow): boolean => each.seenAtMs > database.schedule.nowMs - GONE_AFTER_MS
  if (row.group === group) return null
  if (row.group !== null && live(row)) return row.group
  const others = [...database.ledger.values()].filter(
    (each) => each.incarnation === row.incarnation && each.group !== null,
  )
  return others.find((each) => each.group !== group && live(each))?.group ?? null
}

async function claim(at: Execution, values: readonly unknown[]): Promise<Answer> {
  const { database, transaction, settings } = at
  const incarnation = Number(values[2])
  const rows: Record<string, unknown>[] = []
  for (const part of numbers(values[3]).toSorted((a, b) => a - b)) {
    const key = keyOf(incarnation, part)
    const row = await database.forUpdate(transaction, key, settings.get('lock_timeout') ?? null)
    if (row === null) continue
    Object.assign(row, {
      epoch: row.epoch + Number(values[6]),
      owner: String(values[4]),
      group: String(values[5]),
      seenAtMs: database.schedule.nowMs,
    })
    const snapshot = database.snapshots.get(key)
    const topicId = database.topics.find((each) => each.incarnation === incarnation)?.id
    if (topicId === undefined) continue
    rows.push({
      topic_id: topicId,
      traffic_share: 1,
      part,
      epoch: String(row.epoch),
      base_offset: String(row.base),
      next_offset: String(row.next),
      leader_epoch: row.leaderEpoch,
      tail_offset: textOf(row.tailOffset),
      tail_ts: textOf(row.tailTimestamp),
      tail_crc: textOf(row.tailCrc),
      at_offset: snapshot === undefined ? null : String(snapshot.atOffset),
      format: snapshot?.format ?? null,
      state: snapshot?.state ?? null,
    })
  }
  return { rows, command: 'SELECT' }
}

async function release(at: Execution, values: readonly unknown[]): Promise<Answer> {
  return await ownRows(at, values, (row) => Object.assign(row, { owner: null }))
}

/** The group has no use for them any more. */
async function leave(at: Execution, values: readonly unknown[]): Promise<Answer> {
  return await ownRows(at, values, (row) => Object.assign(row, { owner: null, group: null }))
}

async function seen(at: Execution, values: readonly unknown[]): Promise<Answer> {
  return await ownRows(at, values, (row) => Object.assign(row, { seenAtMs: at.database.schedule.nowMs }))
}

async function ownRows(
  { database, transaction }: Execution,
  values: readonly unknown[],
  change: (row: LedgerRow) => void,
): Promise<Answer> {
  const incarnation = Number(values[2])
  for (const part of numbers(values[3])) {
    const key = keyOf(incarnation, part)
    if (database.ledger.get(key)?.owner !== values[4]) continue
    const row = await database.forUpdate(transaction, key, null)
    if (row !== null && row.owner === values[4]) change(row)
  }
  return NOTHING
}

function columns(): Answer {
  return { rows: LOGS_ATTRIBUTES, command: 'SELECT' }
}

function sequence(): Answer {
  return { rows: [{ name: 'logs_log_id_seq' }], command: 'SELECT' }
}

function nextval({ database }: Execution, [, count]: readonly unknown[]): Answer {
  return { rows: Array.from({ length: Number(count) }, () => ({ id: String(database.nextId()) })), command: 'SELECT' }
}

/** Nothing in the product reads the ledger so; a mutant does. */
function plainRead({ database }: Execution, [incarnation, part]: readonly unknown[]): Answer {
  const row = database.ledger.get(keyOf(Number(incarnation), Number(part)))
  return { rows: row === undefined ? [] : [{ next_offset: String(row.next) }], command: 'SELECT' }
}

/** Not as the last statement of a flush: only mutants send it so. */
async function advanceAlone(at: Execution, _values: readonly unknown[], sql: string): Promise<Answer> {
  await advance(at, sql)
  return NOTHING
}

function nullable(value: unknown): (number | null)[] {
  return Array.isArray(value) ? value.map((each) => (each === null ? null : Number(each))) : []
}
function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : []
}
function textOf(value: number | null): string | null {
  return value === null ? null : String(value)
}
