/** The flush: one text with COPYs in it, statement by statement in one transaction. */
import { CopyFile } from './copy-file.ts'
import { type Changes, keyOf, type LedgerRow, SqlError, type StoredLog } from './database.ts'
import type { Execution } from './statements.ts'

const POSTGRES_EPOCH_MS = 946_684_800_000

/** Every statement of a flush, in order, in one transaction. */
export async function executeFlush(at: Execution, text: string, files: readonly Buffer[]): Promise<void> {
  let next = 0
  for (const statement of text.split(';')) {
    const plain = statement.trim()
    if (plain.startsWith('copy ')) copy(at, plain, files[next++] ?? Buffer.alloc(0))
    else if (plain.startsWith('insert into ingest_gap')) insertGap(at, plain)
    else if (plain.startsWith('insert into service_alerts')) insertAlerts(at.transaction.changes, plain)
    else if (plain.startsWith('insert into log_aggregates')) countAggregates(at.transaction.changes, plain)
    else if (plain.startsWith('select ingest_advance(')) await advance(at, plain)
    else if (/\bingest_(ledger|topic|advance)\b/.test(plain))
      throw new Error(`the simulated database does not know: ${plain}`)
  }
}

const placesOf = new Map<string, (name: string) => number>()

/** Where a COPY statement has its columns. */
function columnsOf(statement: string): (name: string) => number {
  const known = placesOf.get(statement)
  if (known !== undefined) return known
  const names = (/\(([^)]*)\)/.exec(statement)?.[1] ?? '').split(',').map((name) => name.trim().replaceAll('"', ''))
  const places = new Map(names.map((name, index) => [name, index]))
  const at = (name: string): number => places.get(name) ?? -1
  placesOf.set(statement, at)
  return at
}

function copy({ transaction }: Execution, statement: string, file: Buffer): void {
  const rows = new CopyFile(file)
  const at = columnsOf(statement)
  if (statement.startsWith('copy ingest_dead_letter')) copyLetters(transaction.changes, rows, at)
  else if (statement.startsWith('copy logs')) copyLogs(transaction.changes, rows, at)
  else if (statement.startsWith('copy detector_snapshot')) copySnapshots(transaction.changes, rows, at)
}

function copyLetters({ letters }: Changes, rows: CopyFile, at: (name: string) => number): void {
  while (rows.next())
    letters.push({
      incarnation: rows.int4(at('incarnation')),
      partition: rows.int4(at('part')),
      offset: rows.int8(at('offset')),
      item: rows.int4(at('item')),
      reason: rows.text(at('reason')),
    })
}

function copySnapshots({ snapshots }: Changes, rows: CopyFile, at: (name: string) => number): void {
  while (rows.next()) {
    const key = keyOf(rows.int4(at('incarnation')), rows.int4(at('part')))
    const [atOffset, format] = [rows.int8(at('at_offset')), rows.int4(at('format'))]
    snapshots.set(key, { atOffset, format, state: rows.bytes(at('state')) })
  }
}

function copyLogs({ logs }: Changes, rows: CopyFile, at: (name: string) => number): void {
  const [message, score, topicId] = [at('message'), at('anomaly_score'), at('ingest_topic_id')]
  const [partition, offset, item] = [at('kafka_partition'), at('kafka_offset'), at('item')]
  const [source, created] = [at('score_source'), at('created_at')]
  for (let line = 1; rows.next(); line++) {
    const log: StoredLog = {
      topicId: rows.int4(topicId),
      partition: rows.int4(partition),
      offset: rows.int8(offset),
      item: rows.int4(item),
      message: rows.text(message),
      score: rows.float8(score),
      source: rows.text(source),
      createdMs: rows.int8(created) / 1000 + POSTGRES_EPOCH_MS,
    }
    if (log.message.endsWith('poison'))
      throw new SqlError('22P02', 'invalid input', { where: `COPY logs, line ${line}, column message` })
    logs.push(log)
  }
}

const NUMBERS_OF_VALUES = /UTF8'\), (\d+), (\d+), (\d+), (\d+)/

function insertGap({ transaction }: Execution, statement: string): void {
  const [, incarnation, partition, from, to] = (NUMBERS_OF_VALUES.exec(statement) ?? []).map(Number)
  transaction.changes.gaps.push({
    incarnation: incarnation ?? -1,
    partition: partition ?? -1,
    from: from ?? -1,
    to: to ?? -1,
  })
}

const KEY_AND_SERVICE = /UTF8'\), (\d+), (\d+), convert_from\('\\x([0-9a-f]*)', 'UTF8'\), convert_from/g

/** Each is told once here: no row is there before. */
function insertAlerts({ alerts }: Changes, statement: string): void {
  for (const [, incarnation, partition, service = ''] of statement.matchAll(KEY_AND_SERVICE))
    alerts.push({
      incarnation: Number(incarnation),
      partition: Number(partition),
      service: Buffer.from(service, 'hex').toString('utf8'),
    })
}

function countAggregates({ counted }: Changes, statement: string): void {
  // Its columns are service, minute, partition, total and so on.
  const [, , partitions = [], totals = []] = arraysOf(statement)
  for (const [index, partition] of partitions.entries())
    counted.set(Number(partition), (counted.get(Number(partition)) ?? 0) + Number(totals[index]))
}

/** `ingest_advance`, as migrations/0002_ingest.sql has it. */
export async function advance({ database, transaction, settings }: Execution, statement: string): Promise<void> {
  const incarnation = Number(/UTF8'\), (\d+), '/.exec(statement)?.[1])
  const arrays = arraysOf(statement)
  const of = (array: number, index: number): number => arrays[array]?.[index] ?? 0
  const parts = (arrays[0] ?? []).map(Number)
  const rows: LedgerRow[] = []
  for (const [index, part] of parts.entries()) {
    const row = await database.forUpdate(transaction, keyOf(incarnation, part), settings.get('lock_timeout') ?? null)
    if (row === null) continue
    rows.push(row)
    if (row.epoch !== of(1, index) && database.switches.fencing)
      throw new SqlError('IH001', `fenced: partition ${part}`, { detail: String(part) })
    if (row.next !== of(2, index) && database.switches.compareAndSet && !statement.includes('unchecked'))
      throw new SqlError('IH002', `stale: partition ${part}`, { detail: `${part}:${row.next}` })
  }
  if (rows.length !== parts.length) throw new SqlError('IH003', 'ledger row missing')
  rows.forEach((row, index) => {
    transaction.changes.advances.push({
      incarnation,
      part: row.part,
      epoch: of(1, index),
      from: of(2, index),
      to: of(3, index),
    })
    row.next = of(3, index)
    row.records += of(4, index)
    row.dead += of(5, index)
    row.deadItems += of(6, index)
    row.skipped += of(7, index)
    row.holes += of(8, index)
    row.gaps += of(9, index)
    row.rows += of(10, index)
    row.leaderEpoch = arrays[11]?.[index] ?? row.leaderEpoch
    row.tailOffset = arrays[12]?.[index] ?? row.tailOffset
    row.tailTimestamp = arrays[13]?.[index] ?? row.tailTimestamp
    row.tailCrc = arrays[14]?.[index] ?? row.tailCrc
    row.seenAtMs = database.schedule.nowMs
    if (row.records + row.dead + row.skipped + row.holes + row.gaps !== row.next - row.base)
      throw new SqlError('23514', 'violates check constraint "every_offset_accounted_for"')
  })
}

/** The literals of its array arguments, in order. */
function arraysOf(statement: string): (number | null)[][] {
  const arrays: (number | null)[][] = []
  for (let at = statement.indexOf("'{"); at >= 0; at = statement.indexOf("'{", at)) {
    const end = statement.indexOf('}', at)
    const elements = statement.slice(at + 2, end).split(',')
    arrays.push(elements.map((each) => (each === 'NULL' ? null : Number(each))))
    at = end
  }
  return arrays
}
