// The Node ↔ C++ floor as a contender: one promise per call, one callback per reply, nothing else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { NotOfferedError, type Session } from '../contender.js'
import { built } from './build.js'

interface Addon {
  open(onReply: (sum: number) => void): number
  send(a: number, b: number): void
  close(): void
}

const kSlots = 64

export async function start(): Promise<Session> {
  const addon = createRequire(import.meta.url)(built('node_loop')) as Addon
  const waiting = new Array<(sum: number) => void>(kSlots)
  let sent = 0
  let received = 0
  const fd = addon.open(sum => waiting[received++ % kSlots]?.(sum))
  const responder = spawn(built('responder'), { stdio: ['ignore', 'inherit', 'inherit', fd] })
  closeSync(fd)
  await once(responder, 'spawn')

  const unsupported = (): never => {
    throw new NotOfferedError('arrays')
  }
  return {
    add: (a, b) =>
      new Promise(resolve => {
        waiting[sent++ % kSlots] = resolve
        addon.send(a, b)
      }),
    place: unsupported,
    inbound: unsupported,
    outbound: unsupported,
    echo: unsupported,
    double: unsupported,
    discard: unsupported,
    copiedBytes: () => undefined,
    close: async () => {
      const exited = once(responder, 'exit')
      addon.close()
      await exited
    },
  }
}
