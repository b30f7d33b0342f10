/** Certificates and keys in PEM form: what is wrong with them, and what Node makes of them. No I/O. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'

export interface TlsFiles {
  /** The authorities to trust; undefined: those that Node.js brings. */
  readonly ca?: string | undefined
  /** Ours, with its chain. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Sentences, each beginning with the name of the setting. */
export function tlsMistakes({ ca, cert, key, passphrase }: TlsFiles): string[] {
  const mistakes: string[] = []
  const certificates = (name: string, pem: string | undefined): X509Certificate | undefined => {
    if (pem === undefined) return undefined
    try {
      const found = (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block))
      if (found.length > 0) return found[0]
      mistakes.push(`${name}: expected certificates in PEM form (-----BEGIN CERTIFICATE-----)`)
    } catch {
      mistakes.push(`${name}: a certificate in it cannot be read`)
    }
    return undefined
  }
  certificates('KAFKA_TLS_CA', ca)
  const own = certificates('KAFKA_TLS_CERT', cert)
  if (key === undefined) return mistakes
  const privateKey = keyOf(key, passphrase)
  if (typeof privateKey === 'string') mistakes.push(`KAFKA_TLS_KEY: ${privateKey}`)
  else if (own !== undefined && !own.checkPrivateKey(privateKey)) {
    mistakes.push('KAFKA_TLS_KEY: it is not the key of the certificate in KAFKA_TLS_CERT')
  }
  return mistakes
}

/** Throws for what `tlsMistakes` finds, and for an own certificate whose time is not now. */
export function secureContext(files: TlsFiles, nowMs: number): SecureContext {
  const [mistake] = tlsMistakes(files)
  if (mistake !== undefined) throw new Error(mistake)
  if (files.cert !== undefined) {
    const { validFromDate, validToDate } = new X509Certificate(files.cert)
    if (nowMs > validToDate.getTime()) throw new Error(`KAFKA_TLS_CERT: it expired on ${validToDate.toISOString()}`)
    if (nowMs < validFromDate.getTime())
      throw new Error(`KAFKA_TLS_CERT: it is not valid before ${validFromDate.toISOString()}`)
  }
  return createSecureContext({ ...files, minVersion: 'TLSv1.2' })
}

function keyOf(pem: string, passphrase: string | undefined): KeyObject | string {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return 'expected a private key in PEM form'
  try {
    return createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase })
  } catch {
    const encrypted = pem.includes('ENCRYPTED')
    if (encrypted && passphrase === undefined) return 'it is encrypted; expected KAFKA_TLS_KEY_PASSPHRASE with it'
    return encrypted ? 'it does not open with KAFKA_TLS_KEY_PASSPHRASE' : 'it cannot be read'
  }
}
