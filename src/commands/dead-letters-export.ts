/** `dead-letters export`, `edit` and `discard`. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { elementOf, wholeValue } from '../dead-letters/values.ts'
import { ProcessorError } from '../errors.ts'
import { platformaticTransport } from '../kafka/platformatic-transport.ts'
import { recordLookup } from '../kafka/record-lookup.ts'
import type { DeadLetterFilter, WholeDeadLetter } from '../postgres/dead-letter-filter.ts'
import { discardDeadLetters, eachDeadLetter, showDeadLetter } from '../postgres/dead-letters.ts'
import { isReaderGone } from './closed-output.ts'
import {
  chosen,
  filterOf,
  type Output,
  outputOf,
  parsePosition,
  pastOf,
  positionOf,
  type WhichLetters,
} from './dead-letter-options.ts'
import { clusterOptions } from './kafka-cluster.ts'
import { counted, printable } from './printable.ts'

/** What a shell reports of a program that was writing when its reader left: 128 + SIGPIPE. */
const EXIT_SIGPIPE = 141

export interface ExportOptions extends WhichLetters {
  /** A file; `-` is standard output. */
  readonly output: string
}

/** Answers the exit code. */
export async function exportLetters(options: ExportOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { output, ...which } = options
  const { database, config } = outputOf(env)
  const filter = { ...filterOf(which), namespace: config.database.namespace }
  const file = output === '-' ? process.stdout : createWriteStream(output, { flags: 'wx' })
  const failed = new Promise<never>((_, refuse) => {
    file.once('error', (error) => refuse(new ProcessorError('INPUT', cannotWrite(output, error), { cause: error })))
  })
  failed.catch(() => undefined)
  let count: number
  try {
    count = await Promise.race([failed, exportTo(file, eachDeadLetter(database, filter))])
  } catch (error) {
    if (output === '-' && isReaderGone(causeOf(error))) return EXIT_SIGPIPE
    throw error
  }
  if (file !== process.stdout) {
    file.end()
    await Promise.race([failed, once(file, 'finish')])
  }
  process.stderr.write(`${counted(count, 'dead letter')} exported to ${output === '-' ? 'standard output' : output}\n`)
  return 0
}

function cannotWrite(file: string, error: NodeJS.ErrnoException): string {
  return error.code === 'EEXIST'
    ? `${file} is there already, and is not written over; name another with --output`
    : `${file}: ${error.code === 'ENOENT' ? 'there is no such folder' : error.message}`
}

/** Whichever of the two waits heard of it first. */
function causeOf(error: unknown): unknown {
  return error instanceof ProcessorError ? error.cause : error
}

/** One JSON object a line. Answers how many. */
export async function exportTo(file: Writable, letters: AsyncIterable<WholeDeadLetter>): Promise<number> {
  let count = 0
  for await (const letter of letters) {
    count++
    if (!file.write(`${JSON.stringify(lineOf(letter))}\n`)) await once(file, 'drain')
  }
  return count
}

function lineOf(letter: WholeDeadLetter): object {
  const { value, key, namespace, incarnation, reason, detail, service, sqlstate, fingerprint } = letter
  const text = value?.toString('utf8') ?? ''
  const isText = value?.equals(Buffer.from(text)) === true
  // A part must not pass for the whole when the file comes back.
  const name = value !== null && value.length !== letter.valueSize ? 'value_cut_base64' : 'value_base64'
  const bytes = isText && name === 'value_base64' ? { value: text } : { [name]: value?.toString('base64') ?? null }
  const element = letter.item < 0 || value === null ? null : elementOf(value, letter.item)
  return {
    position: `${letter.topic}/${letter.partition}/${letter.offset}${letter.item < 0 ? '' : `/${letter.item}`}`,
    ...{ namespace, incarnation, reason, detail, service, sqlstate, fingerprint },
    status: letter.status,
    attempts: letter.attempts,
    outcome: letter.outcome,
    record_time: letter.recordTime,
    stored_at: letter.createdAt,
    value_size: letter.valueSize,
    value_sha256: letter.valueSha256,
    headers: letter.headers,
    key_base64: key?.toString('base64') ?? null,
    ...bytes,
    ...(element === null ? {} : { element }),
  }
}

export interface EditOptions {
  readonly output?: string | undefined
}

/** Writes one letter's bytes to a file to be edited. Answers the exit code: 1 where there is no such letter. */
export async function edit(position: string, options: EditOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { database, config, write } = outputOf(env)
  const { namespace } = config.database
  const [letter] = await showDeadLetter(database, { namespace, position: parsePosition(position) })
  if (letter === undefined) {
    write(`no dead letter at ${printable(position)}\n`)
    return 1
  }
  const lookup = recordLookup(platformaticTransport(clusterOptions(config, 'insighthub-dead-letters')))
  const whole = await wholeValue(letter, lookup).finally(() => lookup.close())
  if (whole === null)
    throw new ProcessorError('INPUT', `${position}: its bytes were cut or erased, and Kafka has them no more`)
  const bytes = letter.item < 0 ? whole : elementBytes(whole, letter.item, position)
  const file = options.output ?? `${position.replaceAll('/', '-')}.json`
  await writeFile(file, bytes, { flag: 'wx' }).catch((error: Error) => {
    throw new ProcessorError('INPUT', cannotWrite(file, error), { cause: error })
  })
  write(`${file}\nEdit it, then: dead-letters replay ${positionOf(letter)} --value ${file}\n`)
  return 0
}

function elementBytes(value: Buffer, item: number, position: string): string {
  const element = elementOf(value, item)
  if (element !== null) return `${element}\n`
  throw new ProcessorError(
    'INPUT',
    `${position}: element ${item} cannot be told apart in the message; write it from scratch`,
  )
}

export interface DiscardOptions extends WhichLetters {
  readonly all?: true | undefined
  readonly why: string
  readonly erase?: true | undefined
}

/** Answers the exit code: 1 where nothing was discarded or erased. */
export async function discard(
  positions: readonly string[],
  { why, erase, ...which }: DiscardOptions,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { config, database, write } = outputOf(env)
  const filters = chosen(positions, which).map((filter) => ({ ...filter, namespace: config.database.namespace }))
  return discardAll({ database, write }, filters, { why, erase: erase === true })
}

/** Answers the exit code. */
export async function discardAll(
  { database, write }: Pick<Output, 'database' | 'write'>,
  filters: readonly DeadLetterFilter[],
  how: { readonly why: string; readonly erase: boolean },
): Promise<number> {
  if (how.why.trim() === '') throw new ProcessorError('INPUT', '--why: expected a reason')
  let discarded = 0
  let erasedOnly = 0
  for (const filter of filters) {
    const done = await discardDeadLetters(database, filter, how)
    discarded += done.discarded
    erasedOnly += done.erasedOnly
    if (done.discarded + done.erasedOnly === 0 && filter.position !== undefined) {
      const place = positionOf(filter.position)
      const [letter] = await showDeadLetter(database, { ...filter, position: filter.position })
      write(letter === undefined ? `no dead letter at ${place}\n` : `${place}  not new: ${printable(pastOf(letter))}\n`)
    }
  }
  const bytes = how.erase && discarded > 0 ? ', their bytes erased' : ''
  write(`${counted(discarded, 'dead letter')} discarded${bytes}${discarded === 0 ? '' : `: ${printable(how.why)}`}\n`)
  if (erasedOnly > 0) write(`${counted(erasedOnly, 'dead letter')} discarded before: their bytes erased\n`)
  return discarded + erasedOnly > 0 ? 0 : 1
}
