// A Python server behind a Unix socket, and the connection to it.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FrameReader } from './frames.js'
import { firstOutput, type PythonProcess, startPython } from './python-process.js'

/** Runs with a path in a folder of its own, which is removed when everyone has connected. */
export async function withSocketPath<T>(open: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'))
  try {
    return await open(join(folder, 'socket'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface Connection {
  readonly server: PythonProcess
  readonly socket: Socket
}

/** What arrives is read where the reader wants it: no buffer is allocated for it, and nothing large is copied. */
export function connectToPython(
  file: string,
  reader: FrameReader,
  args: readonly string[] = [],
): Promise<Connection> {
  return withSocketPath(async path => {
    const server = startPython(file, [path, ...args], ['ignore', 'pipe', 'inherit'])
    try {
      await firstOutput(server)
      const socket = connect({
        path,
        onread: {
          // Node takes a function here, and asks it before each read; its types know only a buffer.
          buffer: (() => reader.room()) as unknown as Uint8Array,
          callback: count => {
            reader.arrived(count)
            return true
          },
        },
      })
      await once(socket, 'connect')
      socket.on('error', () => undefined) // the server has ended, and `died` tells everyone who waits
      return { server, socket }
    } catch (error) {
      await server.stop()
      throw error
    }
  })
}
