/** Every way in which ledger, tables and Kafka can disagree, each by name. Pure. */
import type { KafkaCounts, LedgerCounts, LetterCounts, RowCounts, TopicCounts } from './counts.ts'

/** What each name means, for people and for the page. */
export const DIFFERENCES = {
  offsets_unaccounted: 'records + dead + skipped + holes + gaps are not the offsets passed',
  rows_missing: 'logs has fewer rows than the ledger counted',
  rows_extra: 'logs has more rows than the ledger counted',
  rows_duplicated: 'a position in Kafka has more than one row',
  records_differ: 'the records with rows are not as many as the ledger counted',
  dead_letters_missing: 'there are fewer dead records than the ledger counted, those that retention took included',
  dead_letters_extra: 'there are more dead records than the ledger counted',
  dead_items_differ: 'the dead elements beside rows are not as many as the ledger counted',
  dead_letters_duplicated: 'a position in Kafka has more than one dead letter',
  gaps_differ: 'the gaps of ingest_gap do not cover as many offsets as the ledger counted',
  beyond_ledger: 'rows or dead letters lie at offsets that the ledger has not passed',
  partition_unknown: 'rows or dead letters of a partition that the ledger does not have',
  partition_unpinned: 'Kafka has a partition that the ledger does not have',
  partition_gone: 'the ledger has a partition that Kafka does not have',
  topic_replaced: 'the topic in Kafka is another one than the one that was pinned',
  beyond_log_end: 'the ledger has passed offsets that Kafka does not have',
  lost_to_retention: 'Kafka has deleted records that are not stored yet',
  committed_beyond_ledger: "the group's committed offset is beyond what is stored",
} as const
export type DifferenceName = keyof typeof DIFFERENCES

export interface Difference {
  readonly name: DifferenceName
  readonly incarnation: number
  /** null: the topic as a whole. */
  readonly partition: number | null
  /** What was expected and what was found. */
  readonly expected: number | string
  readonly found: number | string
}

/** In the order of partitions. Only the newest incarnation is compared with Kafka; null: Kafka was not asked. */
export function differencesOf(topics: readonly TopicCounts[], kafka: KafkaCounts | null): Difference[] {
  return topics.flatMap((topic, at) => [
    ...tableDifferences(topic),
    ...(kafka === null || at < topics.length - 1 ? [] : kafkaDifferences(topic, kafka)),
  ])
}

const NO_ROWS: Omit<RowCounts, 'partition'> = { rows: 0, items: 0, records: 0, outside: 0 }
const NO_LETTERS: Omit<LetterCounts, 'partition'> = { letters: 0, doubled: 0, deadRecords: 0, deadItems: 0, outside: 0 }

type Note = (name: DifferenceName, expected: number | string, found: number | string) => void

function tableDifferences({ incarnation, ledger, rows, letters }: TopicCounts): Difference[] {
  const found: Difference[] = []
  const known = new Set(ledger.map(({ partition }) => partition))
  const others = new Set([...rows, ...letters].map(({ partition }) => partition).filter((each) => !known.has(each)))
  for (const each of ledger) {
    const { partition } = each
    const note: Note = (name, expected, what) =>
      void found.push({ name, incarnation, partition, expected, found: what })
    const stored = rows.find((row) => row.partition === partition) ?? NO_ROWS
    const dead = letters.find((letter) => letter.partition === partition) ?? NO_LETTERS
    comparePartition(each, stored, dead, note)
  }
  for (const partition of others) {
    const count = rows.find((row) => row.partition === partition)?.rows ?? 0
    const dead = letters.find((letter) => letter.partition === partition)?.letters ?? 0
    found.push({ name: 'partition_unknown', incarnation, partition, expected: 0, found: count + dead })
  }
  return found
}

function comparePartition(
  ledger: LedgerCounts,
  stored: Omit<RowCounts, 'partition'>,
  letters: Omit<LetterCounts, 'partition'>,
  note: Note,
): void {
  const passed = ledger.nextOffset - ledger.baseOffset
  const accounted = ledger.records + ledger.dead + ledger.skipped + ledger.holes + ledger.gaps
  if (accounted !== passed) note('offsets_unaccounted', passed, accounted)
  if (stored.rows < ledger.rows) note('rows_missing', ledger.rows, stored.rows)
  if (stored.rows > ledger.rows) note('rows_extra', ledger.rows, stored.rows)
  if (stored.rows > stored.items) note('rows_duplicated', stored.items, stored.rows)
  if (stored.records !== ledger.records) note('records_differ', ledger.records, stored.records)
  const dead = letters.deadRecords + ledger.purgedRecords
  if (dead < ledger.dead) note('dead_letters_missing', ledger.dead, dead)
  if (dead > ledger.dead) note('dead_letters_extra', ledger.dead, dead)
  const items = letters.deadItems + ledger.purgedItems
  if (items !== ledger.deadItems) note('dead_items_differ', ledger.deadItems, items)
  if (letters.doubled > 0) note('dead_letters_duplicated', letters.letters - letters.doubled, letters.letters)
  if (ledger.gapOffsets !== ledger.gaps) note('gaps_differ', ledger.gaps, ledger.gapOffsets)
  if (stored.outside + letters.outside > 0) note('beyond_ledger', 0, stored.outside + letters.outside)
}

function kafkaDifferences({ incarnation, topicKey, ledger }: TopicCounts, kafka: KafkaCounts): Difference[] {
  const found: Difference[] = []
  if (topicKey !== '' && kafka.topicKey !== '' && topicKey !== kafka.topicKey) {
    found.push({ name: 'topic_replaced', incarnation, partition: null, expected: topicKey, found: kafka.topicKey })
    return found // its offsets are another log's
  }
  const pinned = new Set(ledger.map(({ partition }) => partition))
  for (const partition of kafka.partitions) {
    if (!pinned.has(partition))
      found.push({ name: 'partition_unpinned', incarnation, partition, expected: 'a row', found: 'none' })
  }
  for (const { partition, nextOffset } of ledger) {
    const note: Note = (name, expected, what) =>
      void found.push({ name, incarnation, partition, expected, found: what })
    if (!kafka.partitions.includes(partition)) note('partition_gone', 'a partition', 'none')
    const end = kafka.ends.get(partition)
    const start = kafka.starts.get(partition)
    const committed = kafka.committed.get(partition)
    if (end !== undefined && nextOffset > end) note('beyond_log_end', end, nextOffset)
    if (start !== undefined && nextOffset < start) note('lost_to_retention', start, nextOffset)
    if (committed !== undefined && committed > nextOffset) note('committed_beyond_ledger', nextOffset, committed)
  }
  return found
}

/** One line for people. */
export function saidOf({ name, incarnation, partition, expected, found }: Difference): string {
  const where = partition === null ? 'topic' : `partition ${partition}`
  const which = incarnation === 0 ? '' : `, incarnation ${incarnation}`
  return `${where}${which}: ${name}: expected ${expected}, found ${found} (${DIFFERENCES[name]})`
}
