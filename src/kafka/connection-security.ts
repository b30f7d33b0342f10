/**
 * How connections to brokers are protected, and who we say we are. It holds where certificates and passwords are, not what they
 * are: each new connection reads them again, so that replaced files are used without a restart.
 */
import { isIP } from 'node:net'
import type { ConnectionOptions, SASLOptions } from '@platformatic/kafka'
import { type Credential, readCredential } from '../credential.ts'
import { messageOf, ProcessorError } from '../errors.ts'
import { secureContext } from './tls-files.ts'

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

export interface TlsSecurity {
  /** undefined: the authorities that Node.js brings. */
  readonly ca: Credential | undefined
  readonly cert: Credential | undefined
  readonly key: Credential | undefined
  readonly passphrase: Credential | undefined
  /** Whoever answers is believed. */
  readonly insecure: boolean
}

export type SaslSecurity =
  | {
      readonly mechanism: Exclude<SaslMechanism, 'OAUTHBEARER'>
      readonly username: Credential
      readonly password: Credential
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Credential }

export interface ConnectionSecurity {
  /** null: in plain text. */
  readonly tls: TlsSecurity | null
  /** null: as nobody. */
  readonly sasl: SaslSecurity | null
}

export const PLAIN_TEXT: ConnectionSecurity = { tls: null, sasl: null }

/** Kafka's name for it, as in `security.protocol`. */
export function protocolName({ tls, sasl }: ConnectionSecurity): string {
  return `${sasl === null ? '' : 'SASL_'}${tls === null ? 'PLAINTEXT' : 'SSL'}`
}

/** What the next connection to `host` is opened with. Rejects with KAFKA_SECURITY where a file cannot be used. */
export async function securityOptions(
  { tls, sasl }: ConnectionSecurity,
  host: string,
): Promise<Pick<ConnectionOptions, 'tls' | 'sasl'>> {
  try {
    return {
      ...(tls === null ? {} : { tls: await tlsOptions(tls, host) }),
      ...(sasl === null ? {} : { sasl: await saslOptions(sasl) }),
    }
  } catch (error) {
    throw new ProcessorError('KAFKA_SECURITY', messageOf(error), { cause: error })
  }
}

async function tlsOptions(tls: TlsSecurity, host: string): Promise<NonNullable<ConnectionOptions['tls']>> {
  const { ca, cert, key, passphrase } = tls
  const files = {
    ca: await readIf(ca),
    cert: await readIf(cert),
    key: await readIf(key),
    passphrase: await readIf(passphrase),
  }
  return {
    secureContext: secureContext(files, Date.now()),
    rejectUnauthorized: !tls.insecure,
    // An address is no server name; it is looked for among the certificate's addresses all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
  }
}

async function readIf(credential: Credential | undefined): Promise<string | undefined> {
  return credential === undefined ? undefined : await readCredential(credential)
}

async function saslOptions(sasl: SaslSecurity): Promise<SASLOptions> {
  if (sasl.mechanism === 'OAUTHBEARER') return oauthBearerOptions(await readCredential(sasl.token))
  const [username, password] = [await readCredential(sasl.username), await readCredential(sasl.password)]
  return { mechanism: sasl.mechanism, username, password }
}

/** A token that is refused comes back as a success with an explanation (RFC 7628, 3.2.2); one that is taken, with nothing. */
function oauthBearerOptions(token: string): SASLOptions {
  return {
    mechanism: 'OAUTHBEARER',
    token,
    authBytesValidator: (answer, callback) => {
      if (answer.length === 0) callback(null, answer)
      else
        callback(
          new ProcessorError('KAFKA_SECURITY', `the broker does not accept KAFKA_SASL_TOKEN: ${messageOf(answer)}`),
        )
    },
  }
}
