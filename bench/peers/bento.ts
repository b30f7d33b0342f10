/** Bento, built with no more than it needs here: as its documentation inserts, and with one statement for a JSON array of logs. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bringWith, cache, here, onPath, type Peer, type Place, postgresUrl } from './peer.ts'

const VERSION = '1.20.0'
const folder = join(cache, `bento-${VERSION}`)
const binary = join(folder, 'bento')

export const bento: readonly Peer[] = [
  { name: `Bento ${VERSION}, sql_insert`, output: insertOutput },
  { name: `Bento ${VERSION}, JSON array to json_to_recordset`, output: arrayOutput },
].map(({ name, output }) => ({
  name,
  missing: () => (existsSync(binary) || onPath('go') ? null : 'go is not on PATH'),
  bring: async () => {
    if (existsSync(binary)) return
    await mkdir(folder, { recursive: true })
    const source = join(here, 'bento')
    await bringWith('go', ['build', '-C', source, '-p', '1', '-ldflags', '-s -w', '-o', binary, '.'])
  },
  start: async (place) => {
    const file = join(place.folder, 'bento.yaml')
    await writeFile(file, `${settings(place)}${output(place)}`)
    return { command: binary, args: ['-c', file] }
  },
}))

const settings = ({ broker, topic, group }: Place): string => `
http:
  enabled: false
logger:
  level: WARN
input:
  kafka_franz:
    seed_brokers: ["${broker}"]
    topics: ["${topic}"]
    consumer_group: "${group}"
    start_from_oldest: true
    checkpoint_limit: 20000
    batching:
      count: 5000
      period: 100ms
`

const dsn = (place: Place): string =>
  postgresUrl(place, 'postgres', `sslmode=disable&search_path=${place.database.schema}`)

function insertOutput(place: Place): string {
  return `
output:
  sql_insert:
    driver: postgres
    dsn: "${dsn(place)}"
    table: logs
    columns: [service, level, message, latency_ms, user_id, created_at]
    args_mapping: root = [this.service, this.level, this.message, this.latency_ms, this.userId, this.timestamp]
    max_in_flight: 4
    batching:
      count: 5000
      period: 100ms
`
}

function arrayOutput(place: Place): string {
  return `
output:
  sql_raw:
    driver: postgres
    dsn: "${dsn(place)}"
    query: >
      insert into logs (service, level, message, latency_ms, user_id, created_at)
      select service, level, message, latency_ms, "userId", "timestamp"
        from json_to_recordset($1::json)
          as log (service text, level text, message text, latency_ms int, "userId" text, "timestamp" timestamptz)
    args_mapping: root = [content().string()]
    max_in_flight: 4
    batching:
      count: 5000
      period: 100ms
      processors:
        - archive:
            format: json_array
`
}
