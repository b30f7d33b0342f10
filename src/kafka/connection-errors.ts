/** The client library's errors in this program's words: which side refused what, and what to do about it. Pure. */
import { ResponseError } from '@platformatic/kafka'
import { type ErrorCode, messageOf, ProcessorError } from '../errors.ts'
import { certificateTrouble, codeOf, isNoTls } from '../tls-trouble.ts'
import type { SaslMechanism } from './connection-security.ts'

const REFUSED: ReadonlySet<string> = new Set([
  'PLT_KFK_AUTHENTICATION',
  'PLT_KFK_USER',
  'PLT_KFK_UNSUPPORTED_API',
  'PLT_KFK_UNSUPPORTED',
])
const NETWORK: ReadonlySet<string> = new Set([
  'PLT_KFK_NETWORK',
  'PLT_KFK_TIMEOUT',
  'PLT_KFK_UNEXPECTED_CORRELATION_ID',
])

/**
 * KAFKA_SECURITY: a certificate, a name or a password was not accepted. KAFKA_REFUSED: only other settings or another broker
 * help. KAFKA_UNAVAILABLE: the network. KAFKA_PROTOCOL: an answer that can't be read.
 */
export function connectionError(error: unknown, where: string, mechanism: SaslMechanism | null): ProcessorError {
  if (error instanceof ProcessorError) return error
  const chain = causesOf(error)
  const [code, text] = security(chain, mechanism) ?? [codeFor(chain), wordsOf(chain) || messageOf(error)]
  return new ProcessorError(code, `${where}: ${text}`, { cause: error })
}

/** The error and what caused it, at most five. */
function causesOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let each = error; each instanceof Error && chain.length < 5; each = each.cause) chain.push(each)
  return chain
}

/** Without the library's "Connection to host:port failed." where its cause says more: the address is told before. */
function wordsOf(chain: readonly Error[]): string {
  const words = chain.map(messageOf)
  return words.filter((each, at) => at === words.length - 1 || !/^Connection to \S+ failed\.$/.test(each)).join(': ')
}

function codeFor(chain: readonly Error[]): ErrorCode {
  const codes = chain.map(codeOf)
  if (codes.some((each) => REFUSED.has(each))) return 'KAFKA_REFUSED'
  return codes.some((each) => NETWORK.has(each)) ? 'KAFKA_UNAVAILABLE' : 'KAFKA_PROTOCOL'
}

function security(chain: readonly Error[], mechanism: SaslMechanism | null): [ErrorCode, string] | null {
  for (const each of chain) {
    const trouble = certificateTrouble(each, 'KAFKA_TLS_CA_FILE')
    if (trouble !== null) return ['KAFKA_SECURITY', trouble]
    if (isNoTls(each)) return ['KAFKA_REFUSED', 'what answers does not speak TLS: set KAFKA_TLS=false, or another port']
    if (each.message === 'Broker requires TLS.') return ['KAFKA_REFUSED', 'the broker speaks TLS: set KAFKA_TLS=true']
  }
  // So does a broker that is being stopped, and one that takes a TLS handshake for a request too long.
  if (chain.some((each) => codeOf(each) === 'ECONNRESET' && each.message.includes('before secure TLS'))) {
    return [
      'KAFKA_UNAVAILABLE',
      'the connection ended during the TLS handshake; if it always does: is this port one for TLS?',
    ]
  }
  return mechanism === null ? null : authentication(chain, mechanism)
}

function authentication(chain: readonly Error[], mechanism: SaslMechanism): [ErrorCode, string] | null {
  const refused = chain.find((each) => codeOf(each) === 'PLT_KFK_AUTHENTICATION')
  if (refused === undefined) return null
  const told = chain.find((each) => each instanceof ProcessorError)
  if (told !== undefined) return [told.code, told.message]
  const answer = chain.find((each) => each instanceof ResponseError)
  if (refused.message.startsWith('Cannot find a suitable SASL mechanism')) {
    if (answer === undefined) return null
    const offered = mechanismsOf(answer)
    return ['KAFKA_REFUSED', `the broker does not offer ${mechanism}${offered === '' ? '' : `, but ${offered}`}`]
  }
  if (answer !== undefined) {
    const what = mechanism === 'OAUTHBEARER' ? 'KAFKA_SASL_TOKEN' : 'KAFKA_SASL_USERNAME and its password'
    return ['KAFKA_SECURITY', `the broker does not accept ${what}${saidBy(answer)}`]
  }
  if (chain.some((each) => NETWORK.has(codeOf(each)) && each !== chain[0])) {
    return ['KAFKA_UNAVAILABLE', `the connection ended while it was authenticated: ${chain.map(messageOf).join(': ')}`]
  }
  return ['KAFKA_SECURITY', `authentication failed: ${refused.message}`]
}

function responseOf(answer: Error): object {
  const response: unknown = Reflect.get(answer, 'response')
  return typeof response === 'object' && response !== null ? response : {}
}

function saidBy(answer: Error): string {
  const said: unknown = Reflect.get(responseOf(answer), 'errorMessage')
  return typeof said === 'string' && said !== '' ? `: ${messageOf(said)}` : ''
}

function mechanismsOf(answer: Error): string {
  const mechanisms: unknown = Reflect.get(responseOf(answer), 'mechanisms')
  return Array.isArray(mechanisms) ? mechanisms.filter((each) => typeof each === 'string').join(', ') : ''
}
