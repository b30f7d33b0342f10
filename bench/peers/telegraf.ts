/** Telegraf, built with no more than it needs here: Kafka in, JSON, PostgreSQL out by COPY. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bringWith, cache, onPath, type Peer, type Place, postgresUrl } from './peer.ts'

const VERSION = '1.39.3'
const folder = join(cache, `telegraf-${VERSION}`)
const binary = join(folder, 'telegraf')
const TAGS = 'custom,inputs.kafka_consumer,parsers.json,outputs.postgresql'

export const telegraf: Peer = {
  name: `Telegraf ${VERSION}, json, COPY`,
  missing: () => (existsSync(binary) || onPath('go') ? null : 'go is not on PATH'),
  bring: async () => {
    if (existsSync(binary)) return
    await mkdir(folder, { recursive: true })
    const source = `github.com/influxdata/telegraf/cmd/telegraf@v${VERSION}`
    await bringWith('go', ['install', '-p', '1', '-tags', TAGS, '-ldflags', '-s -w', source], { GOBIN: folder })
  },
  start: async (place) => {
    const file = join(place.folder, 'telegraf.conf')
    await writeFile(file, settings(place))
    return { command: binary, args: ['--config', file] }
  },
}

const settings = (place: Place): string => `
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 20000
  metric_buffer_limit = 400000
  omit_hostname = true
  skip_processors_after_aggregators = true
  quiet = true

[[inputs.kafka_consumer]]
  brokers = ["${place.broker}"]
  kafka_version = "4.0.0"
  topics = ["${place.topic}"]
  consumer_group = "${place.group}"
  offset = "oldest"
  max_undelivered_messages = 100000
  data_format = "json"
  name_override = "logs"
  json_string_fields = ["service", "level", "message"]
  json_time_key = "timestamp"
  json_time_format = "2006-01-02T15:04:05.000Z07:00"

[[outputs.postgresql]]
  connection = "${postgresUrl(place, 'postgres', 'sslmode=disable')}"
  schema = "${place.database.schema}"
  timestamp_column_name = "created_at"
  create_templates = []
  add_column_templates = []
`
