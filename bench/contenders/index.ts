// The contenders. Each loads only when it runs, so that a missing package concerns nobody else.
import type { Start } from '../contender.js'

export interface Contender {
  readonly title: string
  readonly load: () => Promise<Start>
  /** Where Node and Python are kept; undefined leaves it to the scheduler, which mixes both. */
  readonly cores?: 'one' | 'two'
  /** The largest array that it can carry at all, and why. */
  readonly largest?: { readonly bytes: number; readonly why: string }
  /** A bound, not a way of calling Python. */
  readonly floor?: true
}

const msgpackSocket = async (): Promise<Start> => (await import('./msgpack-socket.js')).start

export const contenders: Readonly<Record<string, Contender>> = {
  isthmus: {
    title: 'isthmus, array in shared memory',
    load: async () => (await import('./isthmus.js')).startShared,
  },
  'isthmus-heap': {
    title: 'isthmus, array from the JS heap',
    load: async () => (await import('./isthmus.js')).startHeap,
  },
  'msgpack-socket': { title: 'MessagePack over a Unix socket', load: msgpackSocket },
  'msgpack-socket-two-cores': {
    title: 'MessagePack over a Unix socket, on different cores',
    load: msgpackSocket,
    cores: 'two',
  },
  'msgpack-socket-one-core': {
    title: 'MessagePack over a Unix socket, both on one core',
    load: msgpackSocket,
    cores: 'one',
  },
  'json-stdio': {
    title: 'newline JSON over stdio',
    load: async () => (await import('./json-stdio.js')).start,
    largest: { bytes: 2 ** 28, why: 'longer than the longest string of V8' },
  },
  'http-fastapi': {
    title: 'HTTP: FastAPI + uvicorn + undici',
    load: async () => (await import('./http-fastapi.js')).start,
  },
  'floor-loop': {
    title: 'floor: Node event loop ↔ C++',
    load: async () => (await import('../floor/node-loop.js')).start,
    floor: true,
  },
  'floor-cores': { title: 'floor: C++ ↔ C++, one cache line', load: notASession, floor: true },
  'floor-memcpy': { title: 'floor: one hot memcpy', load: notASession, floor: true },
  'node-alone': {
    title: 'floor: Node with no bridge',
    load: async () => (await import('./node-alone.js')).start,
    floor: true,
  },
  'numpy-alone': { title: 'numpy alone, a plain script', load: notASession, floor: true },
}

function notASession(): Promise<Start> {
  return Promise.reject(new Error('a program that measures itself; only its own case runs it'))
}
