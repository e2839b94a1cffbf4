// The contenders. Each loads only when it runs, so that a missing package concerns nobody else.
import type { Kind, Start } from '../contender.js'

export interface Contender {
  readonly title: string
  readonly kind: Kind
  /** A way of running one case, which no other case starts. */
  readonly ownCase?: true
  readonly load: () => Promise<Start>
  /** Where Node and Python are kept; undefined leaves it to the scheduler, which mixes both. */
  readonly cores?: 'one' | 'two'
  /** The largest array that it can carry at all, and why. */
  readonly largest?: { readonly bytes: number; readonly why: string }
  /** A package of npm with Python inside, which the bench installs for itself. */
  readonly embedding?: string
}

const ownCase = {
  ownCase: true,
  load: (): Promise<Start> => Promise.reject(new Error('only its own case runs it')),
} as const

const msgpackSocket = async (): Promise<Start> => (await import('./msgpack-socket.js')).start

export const contenders: Readonly<Record<string, Contender>> = {
  isthmus: {
    title: 'isthmus, array in shared memory',
    kind: 'ours',
    load: async () => (await import('./isthmus.js')).startShared,
  },
  'isthmus-heap': {
    title: 'isthmus, array from the JS heap',
    kind: 'ours',
    load: async () => (await import('./isthmus.js')).startHeap,
  },
  'isthmus-threads': { title: 'isthmus, two threads', kind: 'ours', ...ownCase },
  'isthmus-window-64': { title: 'isthmus, window of 64', kind: 'ours', ...ownCase },
  'isthmus-unbatched': { title: 'isthmus, without the decorator', kind: 'ours', ...ownCase },
  'isthmus-awaited': { title: 'isthmus, awaited in a coroutine', kind: 'ours', ...ownCase },
  ...Object.fromEntries(
    [1, 2, 4].map(workers => [
      `isthmus-pool-${workers}`,
      { title: `isthmus, pool of ${workers}`, kind: 'ours', ...ownCase } as const,
    ]),
  ),
  ...Object.fromEntries(
    [1, 4, 16, 64].map(count => [
      `isthmus-bridges-${count}`,
      {
        title: `isthmus, ${count} ${count === 1 ? 'bridge' : 'bridges'}`,
        kind: 'ours',
        ...ownCase,
      } as const,
    ]),
  ),
  'isthmus-sync': {
    title: 'isthmus, callSync',
    kind: 'ours',
    load: async () => (await import('./isthmus.js')).startSync,
  },
  'msgpack-socket': { title: 'MessagePack over a Unix socket', kind: 'rival', load: msgpackSocket },
  'msgpack-socket-two-cores': {
    title: 'MessagePack over a Unix socket, on different cores',
    kind: 'rival',
    load: msgpackSocket,
    cores: 'two',
  },
  'msgpack-socket-one-core': {
    title: 'MessagePack over a Unix socket, both on one core',
    kind: 'rival',
    load: msgpackSocket,
    cores: 'one',
  },
  'json-stdio': {
    title: 'newline JSON over stdio',
    kind: 'rival',
    load: async () => (await import('./json-stdio.js')).start,
    largest: { bytes: 2 ** 28, why: 'longer than the longest string of V8' },
  },
  'http-fastapi': {
    title: 'HTTP: FastAPI + uvicorn + undici',
    kind: 'rival',
    load: async () => (await import('./http-fastapi.js')).start,
  },
  'node-calls-python': {
    title: 'node-calls-python, in process, callSync',
    kind: 'embedding',
    load: async () => (await import('./embeddings.js')).nodeCallsPython,
    embedding: 'node-calls-python',
  },
  pymport: {
    title: 'pymport, in process',
    kind: 'embedding',
    load: async () => (await import('./embeddings.js')).pymport,
    embedding: 'pymport',
  },
  'pool-pickle': { title: 'multiprocessing.Pool, pickled chunks', kind: 'rival', ...ownCase },
  'pool-shared-memory': {
    title: 'multiprocessing.Pool, shared_memory by hand',
    kind: 'rival',
    ...ownCase,
  },
  'joblib-memmap': {
    title: 'joblib loky, memmap of an array in the heap',
    kind: 'rival',
    ...ownCase,
  },
  'joblib-memmap-input': {
    title: 'joblib loky, a memmap from the start',
    kind: 'rival',
    ...ownCase,
  },
  'joblib-pickle': { title: 'joblib loky, max_nbytes=None', kind: 'rival', ...ownCase },
  'floor-loop': {
    title: 'floor: Node event loop ↔ C++',
    kind: 'floor',
    load: async () => (await import('../floor/node-loop.js')).start,
  },
  'floor-cores': { title: 'floor: C++ ↔ C++, one cache line', kind: 'floor', ...ownCase },
  'floor-memcpy': { title: 'floor: one hot memcpy', kind: 'floor', ...ownCase },
  'node-alone': {
    title: 'floor: Node with no bridge',
    kind: 'floor',
    load: async () => (await import('./node-alone.js')).start,
  },
  'numpy-alone': { title: 'numpy alone, a plain script', kind: 'floor', ...ownCase },
}
