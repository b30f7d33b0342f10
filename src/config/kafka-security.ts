/** The settings of TLS and SASL for Kafka, what they mean together, and what cannot be meant. */
import type { Credential } from '../credential.ts'
import {
  type ConnectionSecurity,
  SASL_MECHANISMS,
  type SaslMechanism,
  type SaslSecurity,
} from '../kafka/connection-security.ts'
import { tlsMistakes } from '../kafka/tls-files.ts'
import { boolean, choice, type Setting, word } from './setting.ts'

function pem(about: string): Setting {
  return { ...word(undefined, about, true), expected: 'PEM text (-----BEGIN ...)' }
}

export const KAFKA_SECURITY_SETTINGS = {
  KAFKA_TLS: {
    schema: boolean,
    default: 'false',
    expected: 'true or false',
    about: "Whether connections to Kafka are encrypted. The brokers' certificates and host names are checked.",
  },
  KAFKA_TLS_CA: pem(
    'Certificates of the authorities that may sign those of the brokers, best as `KAFKA_TLS_CA_FILE`. Unset: those that Node.js brings.',
  ),
  KAFKA_TLS_CERT: pem(
    'Our own certificate with its chain, where the brokers ask for one (mTLS), best as `KAFKA_TLS_CERT_FILE`.',
  ),
  KAFKA_TLS_KEY: pem('The key of that certificate, best as `KAFKA_TLS_KEY_FILE`.'),
  KAFKA_TLS_KEY_PASSPHRASE: word(undefined, 'The passphrase of that key, if it has one.', true),
  KAFKA_TLS_INSECURE: {
    schema: boolean,
    default: 'false',
    expected: 'true or false',
    about:
      'Believes whoever answers: no certificate or host name is checked, and PLAIN is allowed without TLS. For trying things out; a warning and /status say so.',
  },
  KAFKA_SASL_MECHANISM: choice(
    SASL_MECHANISMS,
    undefined,
    'How we tell Kafka who we are. Unset: not at all. PLAIN and OAUTHBEARER, which send the secret itself, need KAFKA_TLS.',
  ),
  KAFKA_SASL_USERNAME: word(undefined, 'User name for PLAIN and SCRAM.'),
  KAFKA_SASL_PASSWORD: word(
    undefined,
    'Password of that user, best as `KAFKA_SASL_PASSWORD_FILE`: like all files of this section it is read again for each new connection.',
    true,
  ),
  KAFKA_SASL_TOKEN: word(
    undefined,
    'Token for OAUTHBEARER, best as `KAFKA_SASL_TOKEN_FILE`, which something else keeps fresh.',
    true,
  ),
} as const satisfies Readonly<Record<string, Setting>>

type Name = keyof typeof KAFKA_SECURITY_SETTINGS
type Values = Readonly<Record<string, unknown>>

const TLS_FILES = ['KAFKA_TLS_CA', 'KAFKA_TLS_CERT', 'KAFKA_TLS_KEY', 'KAFKA_TLS_KEY_PASSPHRASE'] as const

/** For the environment of something that talks to a broker in plain text, whatever its parent does: empty counts as unset. */
export const NO_KAFKA_SECURITY: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(KAFKA_SECURITY_SETTINGS).map((name) => [name, '']),
)

export function kafkaSecurityMistakes(values: Values): string[] {
  const isSet = (name: Name): boolean => values[name] !== undefined
  const mistakes: string[] = []
  if (values['KAFKA_TLS'] === false) {
    for (const name of TLS_FILES.filter(isSet)) mistakes.push(`${name}: expected KAFKA_TLS=true with it`)
  }
  if (isSet('KAFKA_TLS_CERT') !== isSet('KAFKA_TLS_KEY')) {
    mistakes.push('KAFKA_TLS_CERT, KAFKA_TLS_KEY: expected both or neither')
  }
  const [ca, cert, key, passphrase] = TLS_FILES.map((name) => textOf(values[name]))
  mistakes.push(...tlsMistakes({ ca, cert, key, passphrase }))
  return [...mistakes, ...saslMistakes(values)]
}

function saslMistakes(values: Values): string[] {
  const mechanism = textOf(values['KAFKA_SASL_MECHANISM'])
  const mistakes: string[] = []
  const wanted: readonly Name[] =
    mechanism === 'OAUTHBEARER' ? ['KAFKA_SASL_TOKEN'] : ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']
  for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD', 'KAFKA_SASL_TOKEN'] as const) {
    const isSet = values[name] !== undefined
    if (mechanism === undefined && isSet) mistakes.push(`${name}: expected a KAFKA_SASL_MECHANISM with it`)
    if (mechanism !== undefined && wanted.includes(name) && !isSet) {
      mistakes.push(`KAFKA_SASL_MECHANISM="${mechanism}": expected ${name} with it`)
    }
  }
  const sendsTheSecret = mechanism === 'PLAIN' || mechanism === 'OAUTHBEARER'
  if (sendsTheSecret && values['KAFKA_TLS'] === false && values['KAFKA_TLS_INSECURE'] !== true) {
    mistakes.push(
      `KAFKA_SASL_MECHANISM="${mechanism}": expected KAFKA_TLS=true with it, as it sends the secret itself; or a SCRAM mechanism`,
    )
  }
  return mistakes
}

/** Of values that have no mistakes. */
export function kafkaSecurityOf(
  values: Values,
  credential: (name: Name) => Credential | undefined,
): ConnectionSecurity {
  const tls = {
    ca: credential('KAFKA_TLS_CA'),
    cert: credential('KAFKA_TLS_CERT'),
    key: credential('KAFKA_TLS_KEY'),
    passphrase: credential('KAFKA_TLS_KEY_PASSPHRASE'),
    insecure: values['KAFKA_TLS_INSECURE'] === true,
  }
  const mechanism = SASL_MECHANISMS.find((each) => each === values['KAFKA_SASL_MECHANISM'])
  return {
    tls: values['KAFKA_TLS'] === true ? tls : null,
    sasl: mechanism === undefined ? null : saslOf(mechanism, credential),
  }
}

function saslOf(mechanism: SaslMechanism, credential: (name: Name) => Credential | undefined): SaslSecurity | null {
  if (mechanism === 'OAUTHBEARER') {
    const token = credential('KAFKA_SASL_TOKEN')
    return token === undefined ? null : { mechanism, token }
  }
  const [username, password] = [credential('KAFKA_SASL_USERNAME'), credential('KAFKA_SASL_PASSWORD')]
  return username === undefined || password === undefined ? null : { mechanism, username, password }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
