/** The rows of `logs`: every log of some ranges, in order, in COPY's format. */
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

export function writeLogRows(rows: BinaryRows, { ranges, fields, write, ids }: RowsToWrite): void {
  const all = fields + (ids === null ? 0 : 1)
  let row = 0
  for (const { logs } of ranges) {
    // By index: an iterator makes an object of 40 bytes a log in all code that the optimizing compiler did not get to.
    for (let index = 0; index < logs.length; index++) {
      rows.row(all)
      if (ids !== null) rows.int8(ids[row] ?? 0)
      row++
      write(rows, logs[index]!)
    }
  }
}
