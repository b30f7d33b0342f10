/** The table of mutes. A mute is never deleted, only ended: a record read again must find what it found the first time. */
import type pg from 'pg'
import type { Mute } from '../mute.ts'
import { close, connect, type DatabaseOptions, withDeadline } from './connection.ts'
import { asProcessorError } from './ledger.ts'

/**
 * A mute begins, and an end comes into force, so much later than it is asked for: by then every worker has read the table, also
 * one that missed a reading, and the same log is judged alike whoever judges it and however often.
 */
export const MUTE_DELAY_SECONDS = 60

export interface StoredMute extends Mute {
  readonly why: string
  readonly state: 'pending' | 'active' | 'ended'
}

export interface NewMute {
  readonly service: string | null
  readonly templateId: string | null
  /** null: MUTE_DELAY_SECONDS from now, by the database's clock. */
  readonly sinceMs: number | null
  /** Either an end or a length, which counts from `since`. */
  readonly untilMs: number | null
  readonly lengthMs: number | null
  readonly why: string
}

interface Scope {
  readonly database: DatabaseOptions
  readonly namespace: string
}

interface Row {
  readonly id: string
  readonly service: string | null
  readonly template_id: string | null
  readonly since_ms: string
  readonly until_ms: string
  readonly why: string
  readonly state: StoredMute['state']
}

const COLUMNS = `id, service, template_id, why,
       floor(extract(epoch from since) * 1000) as since_ms, floor(extract(epoch from until) * 1000) as until_ms,
       case when since >= until or until <= clock_timestamp() then 'ended'
            when since > clock_timestamp() then 'pending'
            else 'active' end as state`

/** Rejects with POSTGRES_UNAVAILABLE or POSTGRES_CONFIGURATION, as all of these. */
export async function addMute({ database, namespace }: Scope, mute: NewMute): Promise<StoredMute> {
  const { service, templateId, sinceMs, untilMs, lengthMs, why } = mute
  const rows = await query(database, {
    text: `with begin as (
             select coalesce(to_timestamp($4::float8 / 1000), clock_timestamp() + make_interval(secs => ${MUTE_DELAY_SECONDS})) as since
           )
           insert into anomaly_mute (namespace, service, template_id, since, until, why)
           select $1, $2, $3, since, coalesce(to_timestamp($5::float8 / 1000), since + make_interval(secs => $6::float8 / 1000)), $7
             from begin
           returning ${COLUMNS}`,
    values: [namespace, service, templateId, sinceMs, untilMs, lengthMs, why],
  })
  const [added] = rows
  if (added === undefined) throw new RangeError('the insert answered no row')
  return added
}

/** Newest first; those that ended only when asked for. */
export async function listMutes({ database, namespace }: Scope, ended: boolean): Promise<StoredMute[]> {
  return query(database, {
    text: `select *
             from (select ${COLUMNS} from anomaly_mute where namespace = $1) as m
            where $2 or state <> 'ended'
            order by id desc`,
    values: [namespace, ended],
  })
}

/** Ends it, MUTE_DELAY_SECONDS from now or where it ends sooner; null where there is none of this id. */
export async function endMute({ database, namespace }: Scope, id: number): Promise<StoredMute | null> {
  const rows = await query(database, {
    text: `update anomaly_mute
              set until = least(until, clock_timestamp() + make_interval(secs => ${MUTE_DELAY_SECONDS}))
            where namespace = $1 and id = $2
           returning ${COLUMNS}`,
    values: [namespace, id],
  })
  return rows[0] ?? null
}

/** All that a log may still meet. Records of long ago meet the mutes of their time: none is left out but the empty ones. */
export async function readMutes({ database, namespace }: Scope): Promise<StoredMute[]> {
  return query(database, {
    text: `select ${COLUMNS} from anomaly_mute where namespace = $1 and since < until order by id`,
    values: [namespace],
  })
}

async function query(database: DatabaseOptions, config: pg.QueryConfig): Promise<StoredMute[]> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    const { rows } = await withDeadline(client, client.query<Row>(config))
    return rows.map(muteOf)
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

function muteOf({ id, service, template_id, since_ms, until_ms, why, state }: Row): StoredMute {
  return {
    id: Number(id),
    service,
    templateId: template_id,
    sinceMs: Number(since_ms),
    untilMs: Number(until_ms),
    why,
    state,
  }
}
