/** The flush: one text with COPYs in it, statement by statement in one transaction. */
import { readCopyFile } from './copy-file.ts'
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
    else if (plain.startsWith('insert into detector_snapshot')) insertSnapshot(at, plain)
    else if (plain.startsWith('insert into log_aggregates')) countAggregates(at.transaction.changes, plain)
    else if (plain.startsWith('select ingest_advance(')) await advance(at, plain)
    else if (/\bingest_(ledger|topic|advance)\b/.test(plain))
      throw new Error(`the simulated database does not know: ${plain}`)
  }
}

function copy({ transaction }: Execution, statement: string, file: Buffer): void {
  const names = (/\(([^)]*)\)/.exec(statement)?.[1] ?? '').split(',').map((name) => name.trim().replaceAll('"', ''))
  const at = (name: string): number => names.indexOf(name)
  const rows = readCopyFile(file)
  if (statement.startsWith('copy ingest_dead_letter')) {
    const [incarnation, part, offset, item, reason] = [
      at('incarnation'),
      at('part'),
      at('offset'),
      at('item'),
      at('reason'),
    ]
    for (const row of rows)
      transaction.changes.letters.push({
        incarnation: int4(row[incarnation]),
        partition: int4(row[part]),
        offset: int8(row[offset]),
        item: int4(row[item]),
        reason: text(row[reason]),
      })
  } else if (statement.startsWith('copy logs')) {
    const [message, score, topicId, partition] = [
      at('message'),
      at('anomaly_score'),
      at('ingest_topic_id'),
      at('kafka_partition'),
    ]
    const [offset, item, source, created] = [at('kafka_offset'), at('item'), at('score_source'), at('created_at')]
    rows.forEach((row, index) => {
      const log: StoredLog = {
        topicId: int4(row[topicId]),
        partition: int4(row[partition]),
        offset: int8(row[offset]),
        item: int4(row[item]),
        message: text(row[message]),
        score: row[score]?.readDoubleBE() ?? -1,
        source: text(row[source]),
        createdMs: int8(row[created]) / 1000 + POSTGRES_EPOCH_MS,
      }
      if (log.message.endsWith('poison'))
        throw new SqlError('22P02', 'invalid input', { where: `COPY logs, line ${index + 1}, column message` })
      transaction.changes.logs.push(log)
    })
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

function insertSnapshot({ transaction }: Execution, statement: string): void {
  const [, incarnation = -1, partition = -1, atOffset = -1, format = -1] = (
    NUMBERS_OF_VALUES.exec(statement) ?? []
  ).map(Number)
  const state = Buffer.from(/'\\x([0-9a-f]*)'::bytea/.exec(statement)?.[1] ?? '', 'hex')
  transaction.changes.snapshots.set(keyOf(incarnation, partition), { atOffset, format, state })
}

function countAggregates({ counted }: Changes, statement: string): void {
  for (const [, partition, total] of statement.matchAll(/,to_timestamp\(\d+\),(\d+),(\d+),/g))
    counted.set(Number(partition), (counted.get(Number(partition)) ?? 0) + Number(total))
}

/** `ingest_advance`, as migrations/0002_ingest.sql has it. */
export async function advance({ database, transaction, settings }: Execution, statement: string): Promise<void> {
  const incarnation = Number(/UTF8'\), (\d+), '/.exec(statement)?.[1])
  const arrays = [...statement.matchAll(/'\{([^}]*)\}'::(?:integer|bigint)\[\]/g)].map((match) =>
    (match[1] ?? '').split(',').map((each) => (each === 'NULL' ? null : Number(each))),
  )
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

function int4(field: Buffer | null | undefined): number {
  return field?.readInt32BE() ?? -1
}
function int8(field: Buffer | null | undefined): number {
  return field === null || field === undefined ? -1 : Number(field.readBigInt64BE())
}
function text(field: Buffer | null | undefined): string {
  return field?.toString('utf8') ?? ''
}
