/** What became of each hostile message, by SQL on its position, beside what the table of bad input says. */
import type pg from 'pg'
import type { HostileMessage, HostileOutcome } from '../../src/demo/hostile.ts'

export interface Sent {
  readonly message: HostileMessage
  readonly partition: number
  readonly offset: number
}

/** The messages that ended otherwise than expected, as sentences. */
export async function wrongFates(database: pg.Client, sent: readonly Sent[]): Promise<string[]> {
  const wrong: string[] = []
  for (const { message, partition, offset } of sent) {
    const { rows } = await database.query<{ stored: number; dead: string[] }>(
      `select (select count(*)::int from logs where kafka_partition = $1 and kafka_offset = $2) as stored,
              array(select reason from ingest_dead_letter where part = $1 and "offset" = $2 order by item) as dead`,
      [partition, offset],
    )
    const { stored, dead } = rows[0] ?? { stored: -1, dead: [] }
    const expected = fate(message.expected)
    if (stored !== expected.stored || dead.join() !== expected.dead.join())
      wrong.push(`${message.name}: ${stored} rows and [${dead}], not ${expected.stored} and [${expected.dead}]`)
  }
  return wrong
}

function fate(outcome: HostileOutcome): { stored: number; dead: readonly string[] } {
  switch (outcome.kind) {
    case 'rows':
      return { stored: outcome.count, dead: [] }
    case 'dead':
      return { stored: 0, dead: [outcome.reason] }
    case 'mixed':
      return { stored: outcome.rows, dead: outcome.dead }
    case 'skip':
      return { stored: 0, dead: [] }
  }
}
