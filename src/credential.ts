/** A password or a certificate under the name of its setting. One that lies in a file may be replaced at any time. */
import { readFile } from 'node:fs/promises'
import { messageOf } from './errors.ts'

export type Credential =
  /** `name` is the setting, for error messages. */
  | { readonly kind: 'value'; readonly name: string; readonly value: string }
  | { readonly kind: 'file'; readonly name: string; readonly file: string }

/** As it is now, without a file's last line end. Rejects with an Error that names the setting, never the value. */
export async function readCredential(credential: Credential): Promise<string> {
  if (credential.kind === 'value') return credential.value
  const { name, file } = credential
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`${name}=${JSON.stringify(file)}: ${messageOf(error)}`, { cause: error })
  })
  const value = withoutLineEnd(text)
  if (value === '') throw new Error(`${name}=${JSON.stringify(file)}: the file is empty`)
  return value
}

/** Editors and `echo` end a file with one that is not meant. */
export function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '')
}
