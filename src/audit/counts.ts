/** What an audit compares, by partition of one incarnation of a topic. */

export interface LedgerCounts {
  readonly partition: number
  readonly baseOffset: number
  readonly nextOffset: number
  readonly records: number
  readonly dead: number
  readonly deadItems: number
  readonly skipped: number
  readonly holes: number
  readonly gaps: number
  /** rows_written */
  readonly rows: number
  readonly owner: string | null
  /** Offsets that the rows of ingest_gap cover. */
  readonly gapOffsets: number
  /** Letters that retention took, as the ledger counts them. */
  readonly purgedRecords: number
  readonly purgedItems: number
}

export interface RowCounts {
  readonly partition: number
  readonly rows: number
  /** Distinct offset and item. */
  readonly items: number
  /** Distinct offsets. */
  readonly records: number
  /** Rows at offsets that the ledger has not passed. */
  readonly outside: number
}

export interface LetterCounts {
  readonly partition: number
  readonly letters: number
  /** Letters beyond the first at one position. */
  readonly doubled: number
  /** Records of which nothing but letters is left. */
  readonly deadRecords: number
  /** Letters, not replayed, beside rows of their record. */
  readonly deadItems: number
  readonly outside: number
}

export interface TopicCounts {
  readonly incarnation: number
  /** cluster id ':' topic id; '' where unknown. */
  readonly topicKey: string
  readonly ledger: readonly LedgerCounts[]
  readonly rows: readonly RowCounts[]
  readonly letters: readonly LetterCounts[]
}

/** The topic as Kafka has it now. */
export interface KafkaCounts {
  readonly topicKey: string
  readonly partitions: readonly number[]
  /** First and last offset a consumer may read; `end` is the one after the last. */
  readonly starts: ReadonlyMap<number, number>
  readonly ends: ReadonlyMap<number, number>
  /** The group's committed offsets. */
  readonly committed: ReadonlyMap<number, number>
}
