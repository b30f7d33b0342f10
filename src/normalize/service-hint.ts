/** Whose message was it? Asked of a value that is no log, so that its dead letter can be found by service all the same. */
import { readService } from './service.ts'

const OBJECT = 0x7b
/** A service stands near the beginning, or is not looked for. */
const LOOKED_AT_BYTES = 4_096
const LENGTH_MAX = 200
const NAMED = /"(?:service|service_name|serviceName|app|logger)"\s*:\s*"([^"\\\p{Cc}]{1,200})"/u

/** The first that is named in what begins as a JSON object; null where none is, or it is something else. */
export function serviceHint(value: Buffer | null): string | null {
  if (value === null || value[0] !== OBJECT) return null
  const name = NAMED.exec(value.toString('utf8', 0, LOOKED_AT_BYTES))?.[1]
  return name === undefined ? null : readService(name, LENGTH_MAX)
}
