/** A password or a certificate under the name of its setting. One that lies in a file may be replaced at any time. */
import { readFile } from 'node:fs/promises'
import { messageOf } from './errors.ts'

export interface Credential {
  /** The setting that it comes from, for error messages. */
  readonly name: string
  /** As it is now. Rejects with an Error that names the setting, never with the value. */
  readonly read: () => Promise<string>
}

export function credentialOf(name: string, value: string): Credential {
  return { name, read: async () => value }
}

/** Read anew each time, without its last line end. */
export function credentialIn(name: string, file: string): Credential {
  const read = async (): Promise<string> => {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw new Error(`${name}=${JSON.stringify(file)}: ${messageOf(error)}`, { cause: error })
    })
    const value = withoutLineEnd(text)
    if (value === '') throw new Error(`${name}=${JSON.stringify(file)}: the file is empty`)
    return value
  }
  return { name, read }
}

/** Editors and `echo` end a file with one that is not meant. */
export function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '')
}
