/**
 * The columns of `logs` as they are in this database, and how each is encoded. A table that was taken over may have a
 * smallint here and a varchar there; what can hold our values is used as it is, the rest is refused with the ALTER that mends it.
 */
import { ProcessorError } from '../errors.ts'
import type { ScoredLog } from '../log.ts'
import type { BinaryRows } from './binary-rows.ts'
import { roundHalfEven } from './round-half-even.ts'
import type { Queries } from './session.ts'
import { standardRow } from './standard-row.ts'

/** Writes one field of one row, or all of them. */
type Writer = (rows: BinaryRows, log: ScoredLog) => void

export interface TableShape {
  /** Quoted, in the order written. */
  readonly columns: readonly string[]
  /** The fields of one log, in that order. */
  readonly write: Writer
  /** Where log_id comes from; null when it has no sequence. */
  readonly idSequence: string | null
}

type Kind = 'integer' | 'float' | 'boolean' | 'text' | 'time' | 'json'
interface Column {
  readonly name: string
  readonly kind: Kind
  /** What the migration gives it, for the ALTER. */
  readonly type: string
  readonly value: (log: ScoredLog) => number | string | boolean | null
  /** Few distinct values: the encoder keeps their bytes. */
  readonly repeats?: boolean
}

function columnsOf(topicId: number): Column[] {
  return [
    { name: 'service', kind: 'text', type: 'text', value: (log) => log.event.service, repeats: true },
    { name: 'level', kind: 'text', type: 'text', value: (log) => log.event.level, repeats: true },
    { name: 'message', kind: 'text', type: 'text', value: (log) => log.event.message },
    { name: 'latency_ms', kind: 'integer', type: 'integer', value: (log) => log.event.latencyMs },
    { name: 'anomaly_score', kind: 'float', type: 'double precision', value: (log) => log.score },
    { name: 'is_anomaly', kind: 'boolean', type: 'boolean', value: (log) => log.isAnomaly },
    { name: 'created_at', kind: 'time', type: 'timestamptz', value: (log) => log.event.createdAt },
    { name: 'user_id', kind: 'text', type: 'text', value: (log) => log.event.userId },
    { name: 'metadata', kind: 'json', type: 'jsonb', value: (log) => log.event.metadata },
    { name: 'ingest_topic_id', kind: 'integer', type: 'integer', value: () => topicId },
    { name: 'kafka_partition', kind: 'integer', type: 'integer', value: (log) => log.event.partition },
    { name: 'kafka_offset', kind: 'integer', type: 'bigint', value: (log) => log.event.offset },
    { name: 'item', kind: 'integer', type: 'integer', value: (log) => log.event.item },
    { name: 'score_source', kind: 'text', type: 'text', value: (log) => log.source, repeats: true },
    { name: 'explanation', kind: 'json', type: 'jsonb', value: (log) => log.explanation },
  ]
}

interface Attribute {
  readonly name: string
  readonly type: string
  readonly typmod: number
}

const clamp = (value: number, most: number): number => Math.max(-most - 1, Math.min(most, value))

/** varchar(n) counts characters; a cut must not halve a surrogate pair. */
function cut(value: string, most: number): string {
  if (value.length <= most) return value
  const points = [...value]
  return points.length <= most ? value : points.slice(0, most).join('')
}

type Value = number | string | boolean | null

function encoderOf(
  kind: Kind,
  { type, typmod }: Attribute,
  repeats: boolean,
): ((rows: BinaryRows, value: Value) => void) | null {
  switch (`${kind}:${type}`) {
    case 'integer:int2':
      return (rows, value) => rows.int2(clamp(roundHalfEven(Number(value)), 32_767))
    case 'integer:int4':
      return (rows, value) => rows.int4(clamp(roundHalfEven(Number(value)), 2_147_483_647))
    case 'integer:int8':
      return (rows, value) => rows.int8(roundHalfEven(Number(value)))
    case 'integer:float4':
    case 'float:float4':
      return (rows, value) => rows.float4(Number(value))
    case 'integer:float8':
    case 'float:float8':
      return (rows, value) => rows.float8(Number(value))
    case 'boolean:bool':
      return (rows, value) => rows.bool(value === true)
    case 'time:timestamptz':
    case 'time:timestamp':
      return (rows, value) => rows.timestamp(Number(value))
    case 'json:jsonb':
      return (rows, value) => rows.jsonb(String(value))
    case 'text:text':
      return repeats ? (rows, value) => rows.name(String(value)) : (rows, value) => rows.text(String(value))
    case 'text:varchar':
      return typmod < 0
        ? (rows, value) => rows.text(String(value))
        : (rows, value) => rows.text(cut(String(value), typmod - 4))
    default:
      return null
  }
}

/** The catalogue's names of the types that the migrations give. */
const CATALOGUE_NAMES: ReadonlyMap<string, string> = new Map([
  ['integer', 'int4'],
  ['bigint', 'int8'],
  ['double precision', 'float8'],
  ['boolean', 'bool'],
])

function isStandard({ type }: Column, attribute: Attribute): boolean {
  return attribute.type === (CATALOGUE_NAMES.get(type) ?? type)
}

/** Throws SCHEMA_INCOMPATIBLE when a column can't take our values. */
export async function readTableShape(client: Queries, topicId: number): Promise<TableShape> {
  const { rows } = await client.query<Attribute>(
    `select a.attname as name, t.typname as type, a.atttypmod as typmod
       from pg_attribute a
       join pg_type t on t.oid = a.atttypid
      where a.attrelid = 'logs'::regclass
        and a.attnum > 0
        and not a.attisdropped`,
  )
  const sequence = await client.query<{ name: string | null }>(
    `select pg_get_serial_sequence('logs', 'log_id') as name`,
  )
  return tableShape(rows, { topicId, idSequence: sequence.rows[0]?.name ?? null })
}

/** The shape of a table with these columns. */
export function tableShape(
  attributes: readonly Attribute[],
  { topicId, idSequence }: { readonly topicId: number; readonly idSequence: string | null },
): TableShape {
  const found = new Map(attributes.map((attribute) => [attribute.name, attribute]))
  const columns: string[] = []
  const writers: Writer[] = []
  let standard = true
  for (const column of columnsOf(topicId)) {
    const { name, kind, type, value, repeats } = column
    const attribute = found.get(name)
    if (attribute === undefined) {
      throw new ProcessorError('SCHEMA_NOT_MIGRATED', `logs has no column ${name}: run the migrate command`)
    }
    const encode = encoderOf(kind, attribute, repeats === true)
    if (encode === null) {
      const mend = `alter table logs alter column ${name} type ${type} using ${name}::${type}`
      throw new ProcessorError(
        'SCHEMA_INCOMPATIBLE',
        `logs.${name} is ${attribute.type}, which is not supported: ${mend}`,
      )
    }
    standard &&= isStandard(column, attribute)
    columns.push(`"${name}"`)
    writers.push((into, log) => {
      const held = value(log)
      if (held === null) into.null()
      else encode(into, held)
    })
  }
  const each: Writer = (rows, log) => {
    for (const write of writers) write(rows, log)
  }
  return { columns, write: standard ? standardRow(topicId) : each, idSequence }
}
