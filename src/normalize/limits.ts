/** What a message may be at most, and the readings that an operator may choose. Sizes in bytes of UTF-8. */
export interface NormalizeLimits {
  /** Value, key and headers together; a larger record is never parsed. */
  readonly messageBytesMax: number
  /** Logs in one message that carries an array. */
  readonly itemsMax: number
  /** The stored message text, its cut mark included. */
  readonly textBytesMax: number
  readonly metadataBytesMax: number
  /** Nesting of objects and arrays; a flat log has depth 1. */
  readonly depthMax: number
  /** Times older than this before their record count as wrong: on a hypertable each old day is a chunk. null: any age. */
  readonly timestampMaxAgeDays: number | null
  /** In code points; the column is indexed. */
  readonly serviceLengthMax: number
  /** What to do with a value that is text but no object: a dead letter, or a log with that text as its message. */
  readonly plaintext: 'reject' | 'message'
  /** Levels 0 to 7 as in RFC 5424. */
  readonly syslogLevels: boolean
  /** A JSON string that holds a JSON object is read once more. */
  readonly unwrapStrings: boolean
}

export const DEFAULT_NORMALIZE_LIMITS: NormalizeLimits = {
  messageBytesMax: 1_048_576,
  itemsMax: 1000,
  textBytesMax: 65_536,
  metadataBytesMax: 65_536,
  depthMax: 64,
  timestampMaxAgeDays: null,
  serviceLengthMax: 200,
  plaintext: 'reject',
  syslogLevels: false,
  unwrapStrings: true,
}
