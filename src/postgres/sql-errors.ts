/** What an error of a flush means: the one place that decides which may be tried again. Codes are PostgreSQL's (appendix A). */
import { messageOf } from '../errors.ts'

export type Verdict =
  /** The world is broken for now: the same batch again, for ever. `sqlstate` null: the connection went away. */
  | { readonly kind: 'retry'; readonly sqlstate: string | null }
  /** Row `line` (from 1) of COPY logs is refused for what it holds. */
  | { readonly kind: 'poison'; readonly line: number; readonly sqlstate: string }
  /** Schema, permission or address: an operator has to act; retried slowly. */
  | { readonly kind: 'configuration'; readonly sqlstate: string }
  | { readonly kind: 'fenced'; readonly partition: number }
  | { readonly kind: 'stale'; readonly partition: number; readonly nextOffset: number }
  /** The ledger has no such row (any more): the database went back, or somebody removed it. */
  | { readonly kind: 'missing' }
  /** A change the program was sure of was refused: a bug. */
  | { readonly kind: 'broken'; readonly sqlstate: string | null }

/** Five letters or digits, but Node's own EPIPE: no class of PostgreSQL begins with an E. */
const SQLSTATE = /^(?!E)[0-9A-Z]{5}$/
const COPY_LINE = /^COPY logs, line (\d+)/m

export function sqlStateOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && SQLSTATE.test(code) ? code : null
}

function fieldOf(error: unknown, name: 'where' | 'detail'): string {
  const value = error instanceof Error ? Reflect.get(error, name) : undefined
  return typeof value === 'string' ? value : ''
}

export function classify(error: unknown): Verdict {
  const sqlstate = sqlStateOf(error)
  // A value the encoder refuses, a field that is missing: the same again would fail the same for ever.
  if (error instanceof RangeError || error instanceof TypeError) return { kind: 'broken', sqlstate: null }
  if (sqlstate === null) return { kind: 'retry', sqlstate: null } // ECONNREFUSED, "Connection terminated", deadlines
  switch (sqlstate) {
    case 'IH001':
      return { kind: 'fenced', partition: Number(fieldOf(error, 'detail')) }
    case 'IH002': {
      const [partition, nextOffset] = fieldOf(error, 'detail').split(':').map(Number)
      return { kind: 'stale', partition: partition ?? -1, nextOffset: nextOffset ?? -1 }
    }
    case 'IH003':
      return { kind: 'missing' }
    case 'P0001':
      return { kind: 'configuration', sqlstate }
    case '40001': // serialization failure
    case '40P01': // deadlock
    case '55P03': // lock not available
    case '57014': // cancelled, statement timeout
    case '25006': // read-only: a demoted primary
    case '25P03': // idle in transaction timeout
      return { kind: 'retry', sqlstate }
    case '23505': // a unique index of the operator's: the CAS makes ours impossible
      return { kind: 'broken', sqlstate }
    default:
      return byClass(error, sqlstate)
  }
}

function byClass(error: unknown, sqlstate: string): Verdict {
  switch (sqlstate.slice(0, 2)) {
    case '22': // data exception
    case '23': // constraint
    case '54': {
      // program limit
      const line = COPY_LINE.exec(fieldOf(error, 'where'))?.[1]
      return line === undefined ? { kind: 'broken', sqlstate } : { kind: 'poison', line: Number(line), sqlstate }
    }
    case '28': // authorization
    case '3D': // no such database
    case '3F': // no such schema
    case '42': // no such table, column, permission
    case '0A': // feature not supported
      return { kind: 'configuration', sqlstate }
    case '08': // connection
    case '53': // resources: disk full, too many connections
    case '55': // object not in the needed state
    case '57': // operator intervention, starting up
    case '58': // I/O
    case 'XX': // internal
    case '40':
      return { kind: 'retry', sqlstate }
    default:
      return { kind: 'broken', sqlstate }
  }
}

/** One line for people, with the code. */
export function sqlMessage(error: unknown): string {
  const sqlstate = sqlStateOf(error)
  if (sqlstate === null) return messageOf(error)
  // undefined_table: the message names one of ours, and whoever looks into another database has never heard of it.
  const why = sqlstate === '42P01' ? '; not migrated yet, or DB_NAME or DB_SCHEMA is not the one of the service' : ''
  return `${messageOf(error)} (SQLSTATE ${sqlstate})${why}`
}
