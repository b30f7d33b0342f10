/**
 * The rows of `logs`: every log of some ranges, in order, in COPY's format. A piece is made when it is asked for, so that PostgreSQL has the ones
 * before meanwhile.
 */
import type { ScoredLog } from '../log.ts'
import type { ReadyRange } from '../pipeline.ts'
import type { BinaryRows } from './binary-rows.ts'
import type { TableShape } from './table-shape.ts'

export interface RowsToWrite extends Pick<TableShape, 'write'> {
  readonly ranges: readonly Pick<ReadyRange, 'logs'>[]
  /** How many `write` writes. */
  readonly fields: number
  /** One for each log, in the same order: then log_id is the first field of a row. */
  readonly ids: readonly number[] | null
}

/** Some 250 KB of usual logs: little to wait for, and few writes to the socket. */
const PIECE_ROWS = 1_000

/** The file, in pieces; begins it, in memory that is valid until it is begun again. `bytesKept` as BinaryRows.start() has it. */
export function* logRows(rows: BinaryRows, bytesKept: number, of: RowsToWrite): Generator<Buffer> {
  rows.start(bytesKept)
  let row = 0
  let inPiece = 0
  for (const { logs } of of.ranges) {
    for (let from = 0; from < logs.length; ) {
      if (inPiece === PIECE_ROWS) {
        yield rows.take()
        inPiece = 0
      }
      const to = Math.min(logs.length, from + PIECE_ROWS - inPiece)
      writeLogRows(rows, of, { logs, from, to, row })
      row += to - from
      inPiece += to - from
      from = to
    }
  }
  yield rows.finish()
}

interface Part {
  readonly logs: readonly ScoredLog[]
  readonly from: number
  readonly to: number
  /** Of all rows, the number of its first one. */
  readonly row: number
}

function writeLogRows(rows: BinaryRows, { fields, write, ids }: RowsToWrite, { logs, from, to, row }: Part): void {
  const all = fields + (ids === null ? 0 : 1)
  // By index: an iterator makes an object of 40 bytes a log in all code that the optimizing compiler did not get to.
  for (let index = from; index < to; index++) {
    rows.row(all)
    if (ids !== null) rows.int8(ids[row + index - from] ?? 0)
    write(rows, logs[index]!)
  }
}
