/** Finds the API that a request is for and frames its answer. */
import { ADMIN_APIS } from './admin-apis.ts'
import { ERROR } from './error-codes.ts'
import { GROUP_APIS } from './group-apis.ts'
import { LOG_APIS } from './log-apis.ts'
import { API_VERSIONS } from './schemas.ts'
import { type Call, type Served, served, type World } from './served.ts'
import { WireError, WireReader, WireWriter } from './wire.ts'

const HEADER_BYTES = 8

const APIS: readonly Served[] = [
  ...LOG_APIS,
  ...GROUP_APIS,
  ...ADMIN_APIS,
  served(API_VERSIONS, () => versions(ERROR.NONE)),
]
const BY_KEY: ReadonlyMap<number, Served> = new Map(APIS.map((each) => [each.key, each]))

function versions(errorCode: number) {
  return { errorCode, apis: APIS.map(({ key, min, max }) => ({ key, min, max })) }
}

/**
 * The answer to one request, framed; null where none is wanted.
 * Throws a WireError for a request that cannot be read, or for an API that was never advertised.
 */
export async function answer(
  frame: Buffer,
  from: { world: World; clientHost: string },
): Promise<readonly Buffer[] | null> {
  if (frame.length < HEADER_BYTES) throw new WireError('a request shorter than its header')
  const key = frame.readInt16BE(0)
  const version = frame.readInt16BE(2)
  const correlationId = frame.readInt32BE(4)
  const api = BY_KEY.get(key)
  const supported = api !== undefined && version >= api.min && version <= api.max
  // A client that is newer than the broker asks in its newest version, and reads this in the oldest.
  if (key === API_VERSIONS.key && !supported) return unsupportedVersion(correlationId)
  if (!supported) throw new WireError(`API ${key} in version ${version} is not served`)
  const form = { version, flexible: version >= api.flexibleFrom }
  const reader = new WireReader(frame.subarray(HEADER_BYTES), form)
  const clientId = reader.classicString() ?? ''
  if (form.flexible) reader.skipTags()
  const call: Call = { world: from.world, version, clientId, clientHost: from.clientHost }
  const write = await api.serve(reader, call)
  if (write === null) return null
  const writer = new WireWriter(form)
  writer.int32(correlationId)
  // The answer to ApiVersions has the oldest header in every version: its reader cannot know better yet.
  if (form.flexible && key !== API_VERSIONS.key) writer.unsignedVarint(0)
  write(writer)
  return writer.finish()
}

function unsupportedVersion(correlationId: number): readonly Buffer[] {
  const writer = new WireWriter({ version: 0, flexible: false })
  writer.int32(correlationId)
  API_VERSIONS.response.write(writer, versions(ERROR.UNSUPPORTED_VERSION))
  return writer.finish()
}
