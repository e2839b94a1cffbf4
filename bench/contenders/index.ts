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
  /** The package of npm that it needs, which the bench installs for itself. */
  readonly npm?: string
  /** The package of PyPI that it needs, besides numpy and msgspec, without which Isthmus does not run either. */
  readonly pypi?: string
}

type Rows = Readonly<Record<string, Omit<Contender, 'kind'>>>

const ownCase = {
  ownCase: true,
  load: (): Promise<Start> => Promise.reject(new Error('only its own case runs it')),
} as const

const longestString = { bytes: 2 ** 28, why: 'longer than the longest string of V8' }

const ours: Rows = {
  isthmus: {
    title: 'isthmus, array in shared memory',
    load: async () => (await import('./isthmus.js')).startShared,
  },
  'isthmus-heap': {
    title: 'isthmus, array from the JS heap',
    load: async () => (await import('./isthmus.js')).startHeap,
  },
  'isthmus-threads': { title: 'isthmus, two threads', ...ownCase },
  'isthmus-window-64': { title: 'isthmus, window of 64', ...ownCase },
  'isthmus-unbatched': { title: 'isthmus, without the decorator', ...ownCase },
  'isthmus-awaited': { title: 'isthmus, awaited in a coroutine', ...ownCase },
  ...Object.fromEntries(
    [1, 2, 4].map(workers => [
      `isthmus-pool-${workers}`,
      { title: `isthmus, pool of ${workers}`, ...ownCase },
    ]),
  ),
  ...Object.fromEntries(
    [1, 4, 16, 64].map(count => [
      `isthmus-bridges-${count}`,
      { title: `isthmus, ${count} ${count === 1 ? 'bridge' : 'bridges'}`, ...ownCase },
    ]),
  ),
  'isthmus-sync': {
    title: 'isthmus, callSync',
    load: async () => (await import('./isthmus.js')).startSync,
  },
}

/** Another process with Python. */
const rivals: Rows = {
  'msgpack-socket': {
    title: 'MessagePack over a Unix socket',
    load: async () => (await import('./msgpack.js')).startSocket,
    npm: 'msgpackr',
  },
  'msgpack-stdio': {
    title: 'MessagePack over stdio',
    load: async () => (await import('./msgpack.js')).startStdio,
    npm: 'msgpackr',
  },
  'raw-socket': {
    title: 'raw bytes over a Unix socket',
    load: async () => (await import('./raw-socket.js')).start,
  },
  'shm-file': {
    title: 'shared memory by hand, array in a file of /dev/shm',
    load: async () => (await import('./shm-file.js')).start,
    npm: 'shm-typed-array',
  },
  'shm-file-heap': {
    title: 'shared memory by hand, array from the JS heap',
    load: async () => (await import('./shm-file-heap.js')).start,
  },
  'json-stdio': {
    title: 'newline JSON over stdio',
    load: async () => (await import('./json-stdio.js')).start,
    largest: longestString,
  },
  'python-shell': {
    title: 'python-shell, newline JSON',
    load: async () => (await import('./python-shell.js')).start,
    largest: longestString,
    npm: 'python-shell',
  },
  'http-fastapi': {
    title: 'HTTP: FastAPI + uvicorn + undici',
    load: async () => (await import('./http-fastapi.js')).start,
    npm: 'undici',
    pypi: 'fastapi',
  },
  grpc: {
    title: 'gRPC, synchronous server',
    load: async () => (await import('./grpc.js')).startSync,
    npm: '@grpc/grpc-js',
    pypi: 'grpcio',
  },
  'grpc-aio': {
    title: 'gRPC, server on asyncio',
    load: async () => (await import('./grpc.js')).startAio,
    npm: '@grpc/grpc-js',
    pypi: 'grpcio',
  },
  zeromq: {
    title: 'ZeroMQ over ipc',
    load: async () => (await import('./zeromq.js')).start,
    npm: 'zeromq',
    pypi: 'pyzmq',
  },
  pythonia: {
    title: 'pythonia',
    load: async () => (await import('./pythonia.js')).start,
    largest: longestString,
    npm: 'pythonia',
  },
}

/** Python in the process of Node. */
const embeddings: Rows = {
  'node-calls-python': {
    title: 'node-calls-python, in process, call',
    load: async () => (await import('./embeddings.js')).nodeCallsPythonAwaited,
    npm: 'node-calls-python',
  },
  'node-calls-python-sync': {
    title: 'node-calls-python, in process, callSync',
    load: async () => (await import('./embeddings.js')).nodeCallsPythonSync,
    npm: 'node-calls-python',
  },
  pymport: {
    title: 'pymport, in process, callAsync',
    load: async () => (await import('./embeddings.js')).pymportAwaited,
    npm: 'pymport',
  },
  'pymport-sync': {
    title: 'pymport, in process, call',
    load: async () => (await import('./embeddings.js')).pymportSync,
    npm: 'pymport',
  },
  metacall: {
    title: 'MetaCall, in process',
    load: async () => (await import('./metacall.js')).start,
    npm: 'metacall',
  },
}

/** Threads of Node, and no Python. */
const threads: Rows = {
  'worker-copy': {
    title: 'worker_threads, postMessage',
    load: async () => (await import('./worker.js')).startCopy,
  },
  'worker-transfer': {
    title: 'worker_threads, postMessage that transfers',
    load: async () => (await import('./worker.js')).startTransfer,
  },
}

/** Python programs that time themselves. */
const programs: Rows = {
  'pool-pickle': { title: 'multiprocessing.Pool, pickled chunks', ...ownCase },
  'pool-shared-memory': { title: 'multiprocessing.Pool, shared_memory by hand', ...ownCase },
  'joblib-memmap': {
    title: 'joblib loky, memmap of an array in the heap',
    pypi: 'joblib',
    ...ownCase,
  },
  'joblib-memmap-input': {
    title: 'joblib loky, a memmap from the start',
    pypi: 'joblib',
    ...ownCase,
  },
  'joblib-pickle': { title: 'joblib loky, max_nbytes=None', pypi: 'joblib', ...ownCase },
}

const floors: Rows = {
  'floor-loop': {
    title: 'floor: Node event loop ↔ C++',
    load: async () => (await import('../floor/node-loop.js')).start,
  },
  'floor-cores': { title: 'floor: C++ ↔ C++, one cache line', ...ownCase },
  'floor-parked': { title: 'floor: C++ ↔ C++, both asleep between', ...ownCase },
  'floor-memcpy': { title: 'floor: one hot memcpy', ...ownCase },
  'node-alone': {
    title: 'floor: Node with no bridge',
    load: async () => (await import('./node-alone.js')).start,
  },
  'numpy-alone': { title: 'numpy alone, a plain script', ...ownCase },
}

const tableOf = (kind: Kind, rows: Rows): Readonly<Record<string, Contender>> =>
  Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, { ...row, kind }]))

/** Each row three times: left to the scheduler, with Node and Python kept on different cores, and on one. */
function withCores(rows: Rows): Rows {
  const variants = Object.entries(rows).flatMap(([name, row]): [string, Rows[string]][] => [
    [name, row],
    [`${name}-two-cores`, { ...row, title: `${row.title}, on different cores`, cores: 'two' }],
    [`${name}-one-core`, { ...row, title: `${row.title}, both on one core`, cores: 'one' }],
  ])
  return Object.fromEntries(variants)
}

export const contenders: Readonly<Record<string, Contender>> = {
  ...tableOf('ours', ours),
  ...tableOf('rival', withCores(rivals)),
  ...tableOf('embedding', embeddings),
  ...tableOf('threads', threads),
  ...tableOf('rival', programs),
  ...tableOf('floor', floors),
}
