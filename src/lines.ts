/** Lines of a file, a gzipped file (recognised by its first bytes) or standard input (`-`), as bytes without the line end. */
import { constants, createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { messageOf, ProcessorError } from './errors.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d

async function* chunksOf(input: string): AsyncGenerator<Buffer> {
  const stream = input === '-' ? process.stdin : createReadStream(input)
  const chunks = stream[Symbol.asyncIterator]()
  const first = await chunks.next()
  if (first.done === true) return
  async function* all(): AsyncGenerator<Buffer> {
    yield first.value
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  }
  const start: Buffer = first.value
  if (start[0] !== 0x1f || start[1] !== 0x8b) {
    yield* all()
    return
  }
  const gunzip = createGunzip()
  const feeding = (async () => {
    for await (const chunk of all()) if (!gunzip.write(chunk)) await new Promise((done) => gunzip.once('drain', done))
    gunzip.end()
  })()
  feeding.catch((error: Error) => gunzip.destroy(error))
  yield* gunzip
  await feeding
}

/** Empty lines are left out. A line longer than any message could be is still given whole: Kafka will refuse it by name. */
export async function* linesOf(input: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of chunksOf(input)) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let from = 0
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
        const to = end > from && bytes[end - 1] === RETURN ? end - 1 : end
        if (to > from) yield bytes.subarray(from, to)
        from = end + 1
      }
      rest = bytes.subarray(from)
    }
  } catch (error) {
    throw unreadable(input, error)
  }
  if (rest.length > 0) yield rest
}

/** Rejects as `linesOf` would, before anything is done about them. */
export async function readable(input: string): Promise<void> {
  if (input === '-') return
  try {
    if ((await stat(input)).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    await access(input, constants.R_OK)
  } catch (error) {
    throw unreadable(input, error)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'a folder, not a file',
  EACCES: 'this user may not read it',
}

function unreadable(input: string, error: unknown): ProcessorError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const what = REASONS[code] ?? messageOf(error)
  return new ProcessorError('INPUT', `${input === '-' ? 'standard input' : input}: ${what}`, { cause: error })
}
