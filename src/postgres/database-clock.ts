/**
 * What time it is at least. All workers share the database's clock, so whether a record lies in the future does not hang on
 * which machine reads it: one whose clock is behind would take true times for dated ahead.
 */
import { close, connect, type DatabaseOptions } from './connection.ts'

/** Times in ms. */
export interface Clocks {
  /** Since 1970, as this machine believes. */
  readonly now: () => number
  /** From any start; never goes back. */
  readonly clock: () => number
}

/** Our clock minus the database's in ms, to half a round trip; rejects with the database's error. */
export async function clockOffsetMs(database: DatabaseOptions, now: () => number): Promise<number> {
  const client = await connect(database)
  try {
    const before = now()
    const { rows } = await client.query<{ ms: number }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
    )
    return (before + now()) / 2 - (rows[0]?.ms ?? before)
  } finally {
    await close(client)
  }
}

/** The later of this machine's clock and the database's as it has run on since, in ms since 1970. */
export async function latestClock(database: DatabaseOptions, { now, clock }: Clocks): Promise<() => number> {
  const offsetMs = await clockOffsetMs(database, clock)
  return () => Math.max(now(), clock() - offsetMs)
}
