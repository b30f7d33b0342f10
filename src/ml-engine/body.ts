/** The body of a request: its JSON, or a mistake of the client that a status and a sentence can name. */
import { isDeeperThan } from '../normalize/json-depth.ts'

const DEPTH_MAX = 64
const BYTE_ORDER_MARK = 0xfeff

/** Answered as `{"error": message}` with this status. */
export class ClientMistake extends Error {
  readonly statusCode: number
  constructor(statusCode: number, message: string) {
    super(message)
    this.name = 'ClientMistake'
    this.statusCode = statusCode
  }
}

/** undefined for an empty body, whatever type it claims to have. */
export function readBody(bytes: Buffer, contentType: string | undefined): unknown {
  if (bytes.length === 0) return undefined
  if (!isJson(contentType)) throw new ClientMistake(415, 'Expected content-type application/json')
  if (isDeeperThan(bytes, DEPTH_MAX)) throw new ClientMistake(400, `JSON nested deeper than ${DEPTH_MAX} levels`)
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text)
  } catch {
    throw new ClientMistake(400, 'The body is not JSON')
  }
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType)
}

/** What the original calls no data: everything that Python calls false. */
export function isNothing(body: unknown): boolean {
  if (body === null || typeof body !== 'object') return !body
  return (Array.isArray(body) ? body : Object.keys(body)).length === 0
}
