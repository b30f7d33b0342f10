/** Opens a port, or says in one sentence why it can't be opened. */
import type { FastifyInstance } from 'fastify'
import { messageOf, ProcessorError } from '../errors.ts'

export interface Listening {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The setting that the port came from; the host is HTTP_HOST. */
  readonly portName: string
}

/** The address, such as http://127.0.0.1:9464. Rejects with HTTP_UNAVAILABLE, and the server is closed. */
export async function listen(server: FastifyInstance, options: Listening): Promise<string> {
  const { host, port } = options
  try {
    await server.listen({ host, port })
  } catch (error) {
    await server.close()
    throw new ProcessorError('HTTP_UNAVAILABLE', sentence(error, options), { cause: error })
  }
  const bound = server.server.address()
  return `http://${reachable(host)}:${typeof bound === 'object' && bound !== null ? bound.port : port}`
}

function sentence(error: unknown, { host, port, portName }: Listening): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'EADDRINUSE')
    return `${portName} ${port} on ${host} is in use by another process: set ${portName} to a free port, or to 0 for any`
  if (code === 'EACCES') return `${portName} ${port} needs rights that this process lacks: set ${portName} above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `HTTP_HOST ${host} is no address of this machine`
  return `${portName} ${port} on ${host} cannot be listened on: ${messageOf(error)}`
}

/** An address that a client on this machine can open. */
export function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
