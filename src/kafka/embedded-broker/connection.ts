/** One client's connection: requests in, answers out, one at a time and in order, as a real broker does it. */
import type { Socket } from 'node:net'
import { answer } from './apis.ts'
import type { World } from './served.ts'
import { WireError } from './wire.ts'

const REQUEST_BYTES_MAX = 100 * 1024 * 1024
const LENGTH_BYTES = 4

/** Serves until either side closes. Never rejects: whatever goes wrong costs this connection alone. */
export async function serveConnection(socket: Socket, world: World): Promise<void> {
  const clientHost = `/${socket.remoteAddress ?? ''}`
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  try {
    for await (const frame of frames(socket)) {
      const parts = await answer(frame, { world, clientHost })
      if (parts !== null) await send(socket, parts)
      if (socket.destroyed) return
    }
  } catch {
    // A malformed request, or a client that went away.
  } finally {
    socket.destroy()
  }
}

async function send(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  if (socket.destroyed) return
  socket.cork()
  let flowing = true
  for (const part of parts) flowing = socket.write(part)
  socket.uncork()
  if (!flowing && !socket.destroyed) await drained(socket)
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      socket.off('drain', finish)
      socket.off('close', finish)
      resolve()
    }
    socket.on('drain', finish)
    socket.on('close', finish)
  })
}

/** Requests without their length, each in memory of its own: produced batches are kept as views of it. */
async function* frames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const header = Buffer.alloc(LENGTH_BYTES)
  let headerBytes = 0
  let frame: Buffer | null = null
  let filled = 0
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.length) {
      if (frame === null) {
        const taken = chunk.copy(header, headerBytes, at, at + LENGTH_BYTES - headerBytes)
        at += taken
        headerBytes += taken
        if (headerBytes < LENGTH_BYTES) break
        frame = Buffer.allocUnsafeSlow(frameBytes(header))
        filled = 0
        headerBytes = 0
      }
      const taken = chunk.copy(frame, filled, at)
      at += taken
      filled += taken
      if (filled < frame.length) break
      yield frame
      frame = null
    }
  }
}

function frameBytes(header: Buffer): number {
  const length = header.readInt32BE(0)
  if (length <= 0 || length > REQUEST_BYTES_MAX) throw new WireError(`a request of ${length} bytes`)
  return length
}
