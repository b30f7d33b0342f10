/** Where the database is, from DATABASE_URL or the DB_* settings, and what libpq's sslmode means for it. Pure. */
import type { ConnectionOptions } from 'node:tls'
import { ProcessorError } from '../errors.ts'
import type { DatabaseOptions } from './connection.ts'

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

/** The fields of a connection URL; those it does not name are missing. Throws CONFIG_INVALID without repeating the password. */
export function parseDatabaseUrl(text: string): Partial<
  Omit<DatabaseOptions, 'ssl' | 'applicationName' | 'password'>
> & {
  password?: string
  sslMode?: SslMode
  sslRootCert?: string
} {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new ProcessorError(
      'CONFIG_INVALID',
      'DATABASE_URL is not a URL; expected postgres://user:password@host:port/database',
    )
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw new ProcessorError(
      'CONFIG_INVALID',
      `DATABASE_URL begins with ${url.protocol}; expected postgres: or postgresql:`,
    )
  }
  const mode = url.searchParams.get('sslmode')
  const sslMode = SSL_MODES.find((each) => each === mode)
  if (mode !== null && sslMode === undefined) {
    throw new ProcessorError(
      'CONFIG_INVALID',
      `DATABASE_URL has sslmode=${mode}; expected one of ${SSL_MODES.join(', ')}`,
    )
  }
  const sslRootCert = url.searchParams.get('sslrootcert')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    ...(host === '' ? {} : { host: decoded(host) }),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.pathname.length > 1 ? { database: decoded(url.pathname.slice(1)) } : {}),
    ...(url.username === '' ? {} : { user: decoded(url.username) }),
    ...(url.password === '' ? {} : { password: decoded(url.password) }),
    ...(sslMode === undefined ? {} : { sslMode }),
    ...(sslRootCert === null ? {} : { sslRootCert }),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new ProcessorError('CONFIG_INVALID', 'DATABASE_URL has a % that begins no escape: write it as %25', {
      cause: error,
    })
  }
}

/**
 * libpq to the letter, but for `allow` and `prefer`: a client that falls back to plain text in silence protects nobody, so both
 * connect in plain text. `require` encrypts without asking who answers, `verify-ca` asks for a known issuer, `verify-full` also
 * for the host's name.
 */
export function sslOptions(mode: SslMode, ca: string | undefined): false | ConnectionOptions {
  const authority = ca === undefined ? {} : { ca }
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return false
    case 'require': // with a CA at hand libpq verifies it, as it does for verify-ca
      return ca === undefined ? { rejectUnauthorized: false } : { ...authority, checkServerIdentity: () => undefined }
    case 'verify-ca':
      return { ...authority, rejectUnauthorized: true, checkServerIdentity: () => undefined }
    case 'verify-full':
      return { ...authority, rejectUnauthorized: true }
  }
}
