/** Certificates made by openssl when a test asks for them, in a folder of their own. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { scratchFolder } from '../../src/scratch-folder.ts'

const run = promisify(execFile)

export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Both and the authority's in one file, as Kafka reads them. */
  readonly bundle: string
}

export interface CertificateWish {
  /** As in subjectAltName: `DNS:localhost,IP:127.0.0.1`. */
  readonly names: string
  /** @default 2 */
  readonly days?: number
}

/** Why none can be made here, or null. */
export function opensslMissing(): string | null {
  const found = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'openssl')))
  return found ? null : 'openssl is not on PATH'
}

/** An authority of its own; paths of PEM files. */
export class Authority {
  readonly folder: string
  readonly cert: string
  readonly #key: string

  private constructor(folder: string) {
    this.folder = folder
    this.cert = join(folder, 'ca.crt')
    this.#key = join(folder, 'ca.key')
  }

  static async create(): Promise<Authority> {
    const authority = new Authority(await scratchFolder('ca'))
    const subject = ['-subj', '/CN=Test authority']
    const files = ['-keyout', authority.#key, '-out', authority.cert]
    await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files])
    return authority
  }

  /** With 0 days it has expired as soon as its second is over. */
  async issue(name: string, { names, days = 2 }: CertificateWish): Promise<Certificate> {
    const file = (end: string): string => join(this.folder, `${name}.${end}`)
    const [key, request, cert, extensions, bundle] = ['key', 'csr', 'crt', 'ext', 'pem'].map(file) as [
      string,
      string,
      string,
      string,
      string,
    ]
    await run('openssl', [
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      key,
      '-out',
      request,
    ])
    await writeFile(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`)
    const signer = ['-CA', this.cert, '-CAkey', this.#key, '-CAcreateserial']
    const out = ['-days', String(days), '-extfile', extensions, '-out', cert]
    await run('openssl', ['x509', '-req', '-in', request, ...signer, ...out])
    const parts = await Promise.all([key, cert, this.cert].map((each) => readFile(each, 'utf8')))
    await writeFile(bundle, parts.join(''))
    return { cert, key, bundle }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
