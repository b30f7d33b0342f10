/** Every error this program raises on purpose, by code; and which of them may be tried again. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'A setting has a value that cannot be used',
  KAFKA_UNAVAILABLE: 'No Kafka broker answers',
  KAFKA_NO_COORDINATOR: 'The consumer group has no coordinator now: Kafka is making or moving it',
  KAFKA_TOPIC_MISSING: 'The topic does not exist (yet)',
  KAFKA_REFUSED: 'Kafka refused a request for good: authorization, TLS or SASL other than set, an unsupported version',
  KAFKA_SECURITY: 'A certificate, host name or password was not accepted, or a file with one of them cannot be used',
  KAFKA_PROTOCOL: 'A broker answered something that cannot be read',
  KAFKA_CORRUPT_BATCH: 'A record batch fails its checksum or its format',
  KAFKA_STALLED: 'A partition with records to read made no progress',
  KAFKA_LOG_TRUNCATED: 'The log ends before the offset the ledger stands at, or holds other records than were read',
  POSTGRES_UNAVAILABLE: 'The database does not answer, or answers that it cannot serve now',
  POSTGRES_CONFIGURATION: 'The database answers, but its schema, permissions or address are not as needed',
  POSTGRES_BROKEN_INVARIANT: 'The database refused a change that the program was sure of: a bug',
  SCHEMA_TOO_NEW: 'The database was migrated by a newer version',
  SCHEMA_NOT_MIGRATED: 'The database lacks migrations that this version needs',
  SCHEMA_INCOMPATIBLE: 'An existing table cannot be taken over as it is',
  STOP_DEADLINE: 'The stop took longer than its deadline',
  EMBEDDED_START: 'An embedded broker or database, or a worker of a command, could not be started',
  HTTP_UNAVAILABLE: 'The HTTP port cannot be listened on',
  OUTPUT: 'What a command had to say could not be written: a full disk, for example',
  INPUT: 'An input file or argument cannot be used',
  INTERRUPTED: 'A signal ended a command before it was done',
} as const
export type ErrorCode = keyof typeof ERROR_CODES

export class ProcessorError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'ProcessorError'
    this.code = code
  }
}

/** The world may mend itself: try again later. Everything else stops the process. */
export function isRetriable(error: unknown): boolean {
  if (!(error instanceof ProcessorError)) return false
  switch (error.code) {
    case 'KAFKA_UNAVAILABLE':
    case 'KAFKA_NO_COORDINATOR':
    case 'KAFKA_TOPIC_MISSING':
    case 'KAFKA_SECURITY': // another certificate, here or there, is read on the next try
    case 'KAFKA_PROTOCOL':
    case 'KAFKA_CORRUPT_BATCH':
    case 'POSTGRES_UNAVAILABLE':
    case 'POSTGRES_CONFIGURATION':
      return true
    default:
      return false
  }
}

/** sysexits.h: the configuration is wrong, and a restart cannot mend it. */
export const EX_CONFIG = 78

/** What a shell reports of a program that Ctrl-C ended: 128 + SIGINT. */
export const EX_INTERRUPTED = 130

/** What a process that such an error ends exits with. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof ProcessorError)) return 1
  if (error.code === 'INTERRUPTED') return EX_INTERRUPTED
  return error.code === 'CONFIG_INVALID' || error.code === 'SCHEMA_INCOMPATIBLE' ? EX_CONFIG : 1
}

/** The text of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.replace(/\s+/g, ' ').trim()
}
