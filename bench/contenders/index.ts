// The contenders. Each loads only when it runs, so that a missing package concerns nobody else.
import type { Start } from '../contender.js'

export interface Contender {
  readonly title: string
  readonly load: () => Promise<Start>
  /** Where Node and Python are kept; undefined leaves it to the scheduler, which mixes both. */
  readonly cores?: 'one' | 'two'
  /** The largest array that it can carry at all, and why. */
  readonly largest?: { readonly bytes: number; readonly why: string }
  /** A package of npm with Python inside, which the bench installs for itself. */
  readonly embedding?: string
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
  'isthmus-threads': { title: 'isthmus, two threads', load: notASession },
  'isthmus-window-64': { title: 'isthmus, window of 64', load: notASession },
  'isthmus-unbatched': { title: 'isthmus, without the decorator', load: notASession },
  'isthmus-awaited': { title: 'isthmus, awaited in a coroutine', load: notASession },
  'isthmus-sync': {
    title: 'isthmus, callSync',
    load: async () => (await import('./isthmus.js')).startSync,
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
  'node-calls-python': {
    title: 'node-calls-python, in process, callSync',
    load: async () => (await import('./embeddings.js')).nodeCallsPython,
    embedding: 'node-calls-python',
  },
  pymport: {
    title: 'pymport, in process',
    load: async () => (await import('./embeddings.js')).pymport,
    embedding: 'pymport',
  },
  'pool-pickle': { title: 'multiprocessing.Pool, pickled chunks', load: notASession },
  'pool-shared-memory': {
    title: 'multiprocessing.Pool, shared_memory by hand',
    load: notASession,
  },
  'joblib-memmap': { title: 'joblib loky, memmap of an array in the heap', load: notASession },
  'joblib-memmap-input': { title: 'joblib loky, a memmap from the start', load: notASession },
  'joblib-pickle': { title: 'joblib loky, max_nbytes=None', load: notASession },
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
  return Promise.reject(new Error('only its own case runs it'))
}
