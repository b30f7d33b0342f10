/** Every setting: its name, what it may be, its default and a sentence. The pages of docs/ are made from this table. */
import { z } from 'zod'
import { SSL_MODES } from '../postgres/database-url.ts'
import { KAFKA_SECURITY_SETTINGS } from './kafka-security.ts'
import { boolean, choice, integer, number, type Setting, text, word } from './setting.ts'

const fraction = z
  .string()
  .trim()
  .regex(/^\d*\.?\d+$/)
  .transform(Number)
  .pipe(z.number().min(0).max(1))
const broker = /^(\[[0-9a-fA-F:]+\]|[^\s:,[\]]+)(:\d{1,5})?$/
const brokers = text
  .transform((list) => list.split(',').map((each) => each.trim()))
  .pipe(z.array(z.string().regex(broker)).min(1))
const engineUrl = text
  .transform((value) => (URL.canParse(value) ? new URL(value) : null))
  .pipe(
    z
      .instanceof(URL)
      .refine(
        (url) => /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === '',
      ),
  )

function budget(about: string): Setting {
  const schema = text
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(0.1).max(10_000_000))
  return { schema, default: undefined, expected: 'a number from 0.1 to 10000000', about }
}

const MIB = 1024 * 1024
const MINUTE_MS = 60_000

export const SETTINGS = {
  KAFKA_BROKER: {
    schema: brokers,
    default: 'kafka:9092',
    expected: 'host:port, several separated by commas',
    about: 'Where to find the Kafka cluster.',
  },
  KAFKA_TOPIC: word('logs', 'The topic with the logs.'),
  KAFKA_GROUP_ID: word('log-processors', 'The consumer group; all workers of one installation share it.'),
  KAFKA_START: choice(
    ['latest', 'earliest'],
    'latest',
    'Where the very first start begins when the group has no committed offset; a topic that did not exist yet is read whole. Pinned then for ever: later starts go on where the database stands.',
  ),
  KAFKA_SESSION_TIMEOUT_MS: number(
    { min: 1_000, max: 30 * MINUTE_MS, default: 10_000 },
    'A worker that is silent for so long loses its partitions to the others.',
  ),
  KAFKA_HEARTBEAT_INTERVAL_MS: number(
    { min: 100, max: 10 * MINUTE_MS, default: 3_000 },
    'How often a worker says that it lives; at most a third of the session timeout.',
  ),
  ...KAFKA_SECURITY_SETTINGS,
  DATABASE_URL: {
    schema: text,
    default: undefined,
    expected: 'postgres://user:password@host:port/database',
    about: 'The database as a URL; what it names wins over the DB_ settings.',
    secret: true,
  },
  DB_HOST: word('postgres', 'Host of the database.'),
  DB_PORT: number({ min: 1, max: 65_535, default: 5_432 }, 'Port of the database.'),
  DB_NAME: word('insighthub', 'Name of the database.'),
  DB_USER: word('postgres', 'User of the database.'),
  DB_PASSWORD: word('password', 'Password of that user.', true),
  DB_SSLMODE: choice(
    [...SSL_MODES],
    undefined,
    "libpq's sslmode: `require` encrypts, `verify-full` also makes sure who answers. Unset, and for allow and prefer: plain text, with a warning for hosts that are not local.",
  ),
  DB_SSLROOTCERT: word(
    undefined,
    'File with the certificates of the authorities for verify-ca and verify-full, read again for each connection. Unset: those that Node.js brings.',
  ),
  DB_POOL_SIZE: number(
    { min: 1, max: 32, default: 2 },
    'Connections that write, each for some of the partitions; one more is used for the ledger.',
  ),
  DB_MIGRATE: {
    schema: boolean,
    default: 'true',
    expected: 'true or false',
    about: 'Whether a start brings the schema up to date. With false it refuses a schema that is not.',
  },
  DB_SCHEMA: {
    schema: z
      .string()
      .trim()
      .regex(/^[a-z_][a-z0-9_]{0,62}$/),
    default: undefined,
    expected: 'a name of lower case letters, digits and underscores',
    about:
      'The schema of all tables, which must exist; no other is looked into. Unset: the first one of the search_path.',
  },
  INSIGHTHUB_NAMESPACE: word('default', 'Keeps the positions of several installations in one database apart.'),
  HTTP_HOST: word('127.0.0.1', 'Address that health, metrics and status listen on.'),
  HTTP_PORT: number({ min: 0, max: 65_535, default: 9_464 }, 'Port of them; 0 takes any free one and prints it.'),
  LOG_FORMAT: choice(['text', 'json'], 'text', 'What the console says: lines for people, or JSON for machines.'),
  CONSOLE_LOGS_PER_SECOND_MAX: number(
    { min: 0, max: 1_000, default: 20 },
    'Up to this rate every log gets its line on the console; above it one summary a second.',
  ),
  ML_ENGINE_URL: {
    schema: engineUrl,
    default: undefined,
    expected: 'http:// or https://, host, perhaps port and path, without a password',
    about: 'An ML engine to ask for scores: `ml-engine`, or the original. Unset: the model in this process judges.',
  },
  ML_ENGINE_TIMEOUT_MS: number(
    { min: 10, max: 30_000, default: 250 },
    'How long a batch waits for the engine at most; what has no answer then is judged in this process.',
  ),
  SCORER_FALLBACK: choice(
    ['model', 'rules'],
    'model',
    "Who judges what the engine does not answer: the model in this process, which has learned all along, or the original's rules.",
  ),
  ML_ENGINE_LINK_LOCAL: {
    schema: boolean,
    default: 'false',
    expected: 'true or false',
    about:
      'Whether the engine may have a link-local address (169.254.0.0/16, fe80::/10), where clouds keep credentials.',
  },
  ML_ENGINE_PORT: number(
    { min: 0, max: 65_535, default: 5_000 },
    'Port that `ml-engine` listens on, at HTTP_HOST; 0 takes any free one and prints it.',
  ),
  ML_ENGINE_TOKEN: {
    schema: text.regex(/^[\x21-\x7e]+$/),
    default: undefined,
    expected: 'printable ASCII without blanks',
    about:
      'Bearer token that `ml-engine` asks for on every route but /health, and that the processor sends. Unset: all routes are open.',
    secret: true,
  },
  ML_ENGINE_STATE_FILE: word(
    undefined,
    'File in which `ml-engine` keeps what it has learned over a restart; a file a process. Unset: it begins anew.',
  ),
  ML_ENGINE_STATE_INTERVAL_MS: number(
    { min: 100, max: 24 * 60 * MINUTE_MS, default: MINUTE_MS },
    'How often that file is written, beside once at the end; what was learned since is lost with a crash.',
  ),
  ANOMALY_PROFILE: choice(
    ['logs', 'metrics'],
    'logs',
    'What is judged: logs as a whole, or the values of metrics, which come as logs with latency_ms = value (docs/anomaly-detection.md).',
  ),
  ANOMALY_THRESHOLD: {
    schema: fraction,
    default: '0.65',
    expected: 'a number from 0 to 1',
    about: 'The score from which a log is an anomaly.',
  },
  ANOMALY_BUDGET_PER_DAY: budget(
    'About so many anomalies a day of event time over the whole topic, in place of ANOMALY_THRESHOLD: the most unusual logs, at most 1 in 20.',
  ),
  ANOMALY_BUDGET_PER_SERVICE_DAY: budget(
    'About so many anomalies a day for each service, in place of ANOMALY_THRESHOLD; with ANOMALY_BUDGET_PER_DAY both hold.',
  ),
  SERVICES_MAX: number(
    { min: 1, max: 1_000_000, default: 2_000 },
    'Services a partition keeps a model of; more share one.',
  ),
  BATCH_ROWS_MAX: number(
    { min: 1, max: 100_000, default: 10_000 },
    'The most records of a batch; it has so many only where the database stores them in time.',
  ),
  BATCH_BYTES_MAX: number({ min: 1_024, max: 256 * MIB, default: 4 * MIB }, 'Bytes after which a batch is stored.'),
  BATCH_INTERVAL_MS: number(
    { min: 1, max: MINUTE_MS, default: 50 },
    'Longest time a log waits for its batch to fill; the first one after a pause does not wait.',
  ),
  WORKERS: {
    schema: integer(1, 256),
    default: undefined,
    expected: 'a whole number from 1 to 256',
    about:
      'Worker processes, at most one a partition, under one supervisor with one HTTP port; by default one core less than there are. `--workers` wins. More than cores are left beside the broker and the database is slower: on two cores with both, two workers store less than one.',
  },
  AGE_P99_TARGET_MS: number(
    { min: 50, max: 10 * MINUTE_MS, default: 500 },
    'The age at which 99 of 100 logs should be visible; batches are as large and wait as long as it allows, within the BATCH_ settings.',
  ),
  MEMORY_LIMIT_MB: number(
    { min: 128, max: 65_536, default: 256 },
    'What each worker should stay below; the fetch buffer is derived from it.',
  ),
  MESSAGE_BYTES_MAX: number(
    { min: 1_024, max: 64 * MIB, default: MIB },
    'A longer message is not parsed but a dead letter.',
  ),
  ITEMS_MAX: number({ min: 1, max: 100_000, default: 1_000 }, 'Logs that one message (a JSON array) may carry.'),
  TEXT_BYTES_MAX: number({ min: 256, max: 16 * MIB, default: 64 * 1024 }, 'A longer log text is cut, and says so.'),
  DEAD_LETTER_BYTES_MAX: number(
    { min: 0, max: 16 * MIB, default: 64 * 1024 },
    'Bytes of a message that its dead letter keeps; size and hash are always of the whole.',
  ),
  DEAD_LETTER_DAYS_MAX: number(
    { min: 0, max: 36_500, default: 14 },
    'Dead letters older than this are deleted, whatever became of them; 0 keeps them.',
  ),
  DEAD_LETTER_TABLE_MB_MAX: number(
    { min: 0, max: 1_048_576, default: 1_024 },
    'MiB that all dead letters may take; beyond it the oldest are deleted. 0: no limit.',
  ),
  TIMESTAMP_MAX_AGE_DAYS: number(
    { min: 1, max: 36_500, default: 400 },
    'On a hypertable, a log older than this gets the time of its record.',
  ),
  STOP_TIMEOUT_MS: number(
    { min: 1_000, max: 10 * MINUTE_MS, default: 25_000 },
    'How long a stop may take to store what is in hand.',
  ),
} as const satisfies Readonly<Record<string, Setting>>

export type SettingName = keyof typeof SETTINGS
