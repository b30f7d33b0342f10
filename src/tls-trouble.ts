/** What Node's TLS errors mean, in sentences. Codes are OpenSSL's X509_V_ERR_ names and Node's ERR_TLS_, ERR_SSL_ ones. Pure. */

const UNKNOWN_ISSUER: ReadonlySet<string> = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** As `CERT_HAS_EXPIRED`; '' for what carries none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/**
 * Why one side did not accept the other's certificate, or null for any other error. `authority` is the setting that names
 * the certificate authorities.
 */
export function certificateTrouble(error: unknown, authority: string): string | null {
  const code = codeOf(error)
  if (code === 'CERT_HAS_EXPIRED') return "the server's certificate has expired: it must be renewed there"
  if (code === 'CERT_NOT_YET_VALID') return "the server's certificate is not valid yet: is this machine's clock right?"
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const reason: unknown = error instanceof Error ? Reflect.get(error, 'reason') : undefined
    const detail = typeof reason === 'string' ? ` (${reason})` : ''
    return `the server's certificate is for another host${detail}: connect by a name that it has`
  }
  if (UNKNOWN_ISSUER.has(code)) {
    return `nobody who is trusted signed the server's certificate (${code}): name its authority with ${authority}`
  }
  if (code === 'CERT_REVOKED' || code.startsWith('CRL_')) return `the server's certificate was revoked (${code})`
  const alert = /_ALERT_(\w+)$/.exec(code)?.[1]
  if (alert === undefined) return null
  const said = alert.toLowerCase().replaceAll('_', ' ')
  return /CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED/.test(alert)
    ? `the server does not accept our certificate: ${said}`
    : `the server ended the TLS handshake: ${said}`
}

/** Whether something that does not speak TLS answered. */
export function isNoTls(error: unknown): boolean {
  return /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(codeOf(error))
}
