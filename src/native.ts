// Loads the addon and declares it. native/node/addon.cc is the same table from the other side.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { TypedArray } from './dtypes.js'
import { PlatformError } from './errors.js'

/** Numbers of native/core/status.h that the TypeScript side tells apart. */
export const Status = {
  ok: 0,
  full: 2,
  closed: 4,
  arenaFull: 5,
  tooLarge: 6,
  protocol: 7,
  unknownBlock: 8,
} as const

export interface MemoryOptions {
  /** Address space of each arena. */
  arenaBytes: number
  /** Bytes that may exist in all arenas together. */
  limitBytes: number
  /** Freed bytes that an arena keeps for reuse. */
  retainBytes: number
}

export interface ChannelOptions {
  ringBytes: number
  spinNs: number
}

export interface MemoryStats {
  ownBlocks: number
  ownBytes: number
  lentLeases: number
  borrowedBlocks: number
  borrowedBytes: number
  physicalBytes: number
  /** Of the arenas of all workers, also of those that have ended. */
  peerPhysicalBytes: number
  hotBytes: number
  limitBytes: number
  views: number
  /** By Node. */
  copiedBytes: number
}

export interface ChannelStats {
  spinNs: number
  nodeSharedBytes: number
  nodeMessages: number
  nodeNotifications: number
  nodeParks: number
  workerCopiedBytes: number
  workerSharedBytes: number
  workerMessages: number
  workerNotifications: number
  workerParks: number
}

/** A block in the ledger of a memory. */
export type Slot = number

/** Node's arena, and what it knows of those of the workers; shared by the channels of one bridge or pool. */
export interface NativeMemory {
  /** A block with one reference, or minus a Status. */
  allocate(bytes: number, zeroed: boolean): Slot
  retain(slot: Slot): void
  release(slot: Slot): void
  /** An ArrayBuffer of exactly these bytes; holds a reference until its memory can no longer be reached. */
  view(slot: Slot, offset: number, bytes: number): ArrayBuffer
  /** As view(), but takes a reference of the caller's over. Nothing of it is copied, whatever `viewMode` is. */
  adopt(slot: Slot, offset: number, bytes: number): ArrayBuffer
  detach(buffer: ArrayBuffer): void
  /** Not of a Float16Array, which Node-API does not know. @param offset in the block; default 0 */
  copyIn(slot: Slot, source: TypedArray, offset?: number): void
  copyStrided(
    to: Slot,
    from: Slot,
    offset: number,
    itemsize: number,
    shape: BigInt64Array,
    strides: BigInt64Array,
    toOffset?: number,
  ): void
  prefault(bytes: number): void
  /** Collects garbage now, and returns the leases of views that nobody reaches. */
  collect(): void
  /** Makes no more blocks, and goes when none is in use and no channel is open. */
  close(): void

  stats(): MemoryStats
  holders(): { bytes: number; refs: number; leases: number }[]
}

export interface Channel {
  /** Descriptor that the worker inherits; close this copy after the spawn. */
  readonly peerDescriptor: number
  closePeer(): void
  /** Closes the connection: the worker ends at once. */
  hangUp(): void
  /** A datagram that the worker sent before it ended. */
  readSocket(): string | undefined
  /** Delivers everything that was committed, without the event loop. */
  deliverRest(): void
  /** The worker has been reaped: its leases are dropped. */
  reap(): void
  /** block() notices the end of this process. */
  watchProcess(pid: number): void
  /**
   * How the watched process ended, also before the event loop has reaped it: one of the two is null.
   * @param patience milliseconds for which this waits for it to end
   */
  exitStatus(patience?: number): { code: number | null; signal: number | null } | undefined
  close(): void

  /** Publishes the FlatBuffer at outbox[offset, offset + length). Returns a Status. */
  send(offset: number, length: number): number
  /** The same for a FlatBuffer that is not in the outbox. */
  sendBytes(bytes: Uint8Array): number
  /** Calls are pending: the process stays alive and the ring is watched. */
  setPending(pending: boolean): void
  /** A sender waits for room: `onMessages` is called when there is some. */
  setWantsSpace(wants: boolean): void
  /**
   * Waits without the event loop, for `timeout` milliseconds (negative: as long as it takes), until something has come.
   * Returns how many bytes of the inbox are filled, 0 when the time is up, minus a Status at the end, or one message
   * that is too large for the inbox. Within `onMessages` it overwrites what was delivered there.
   */
  block(timeout: number): number | Uint8Array

  stats(): ChannelStats
}

/** What a channel shares with its owner. */
export type ChannelBuffers = [
  outbox: Uint8Array,
  inbox: Uint8Array,
  /** bytes: how many of the inbox are filled, or one message too large for it. */
  onMessages: (bytes: number | Uint8Array, status: number) => void,
  /** Not zero: `onSettled` is called once the continuations of what was delivered have run. */
  asks: Uint32Array,
  onSettled: () => void,
]

export interface Native {
  Memory: new (options: MemoryOptions) => NativeMemory
  Channel: new (
    memory: NativeMemory,
    options: ChannelOptions,
    ...buffers: ChannelBuffers
  ) => Channel
  statuses: [code: string, sentence: string][]
  viewMode: 'unaccounted' | 'external' | 'copy'
  usableCpus(): number
  memoryBytes(): number
}

/** The repository's own build, which is newer where there is one; then the published package's. */
const candidates = [
  '../build/Release/isthmus_node.node',
  `../prebuilds/${process.platform}-${process.arch}/isthmus_node.node`,
]

function load(): Native {
  if (process.platform !== 'linux') {
    throw new PlatformError(
      `isthmus runs on Linux; this is ${process.platform}. Use it in a Linux container or virtual machine.`,
    )
  }
  const require = createRequire(import.meta.url)
  const reasons: string[] = []
  for (const candidate of candidates) {
    try {
      return require(candidate) as Native
    } catch (error) {
      reasons.push(
        `${fileURLToPath(new URL(candidate, import.meta.url))}: ${(error as Error).message.split('\n')[0]}`,
      )
    }
  }
  throw new PlatformError(
    `no binary of isthmus fits ${process.platform}-${process.arch}. Build it from source: npm run build. Tried:\n  ${reasons.join('\n  ')}`,
  )
}

export const native: Native = load()
