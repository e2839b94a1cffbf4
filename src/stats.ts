import type { BatchStats } from './batch-figures.js'
import type { Calls } from './calls.js'
import type { ChannelStats, MemoryStats } from './native.js'

/** Shared memory of one bridge or pool. Sizes in bytes. */
export interface MemoryFigures {
  /** Leases that workers hold on tensors of Node, and on each other's, which Node passed on. */
  readonly leases: number
  /** Tensors of Node's own arena in use, and their bytes. */
  readonly ownBlocks: number
  readonly ownBytes: number
  /** Tensors of Python's arenas in use here, and their bytes. */
  readonly borrowedBlocks: number
  readonly borrowedBytes: number
  /** Shared memory that exists, in all arenas together, and its limit. */
  readonly physicalBytes: number
  readonly limitBytes: number
  /** ArrayBuffers over shared memory that are still reachable. */
  readonly views: number
}

/** Figures of both processes since the bridge was made. Sizes in bytes. */
export interface BridgeStats extends MemoryFigures {
  /** Calls sent. */
  readonly calls: number
  /** Calls not answered yet. */
  readonly pending: number
  /** Threads on which plain functions run. 1: the main thread, one after another. `async def` functions run on one event loop. */
  readonly threads: number
  /** Functions and iterables of Node that Python may call. */
  readonly functions: number
  /** Objects in the worker that Node has. */
  readonly objects: number
  /** Tensor bytes copied, in either process, because they did not lie in shared memory. 0: every array crossed by reference. */
  readonly copiedBytes: number
  /** Tensor bytes that crossed by reference, in either direction. */
  readonly sharedBytes: number
  /** Microseconds for which an idle side polls before it sleeps. */
  readonly spin: number
  readonly node: SideStats
  readonly worker: SideStats
  /** Of functions that take batches, by name. */
  readonly batches: Readonly<Record<string, BatchStats>>
}

export interface SideStats {
  readonly copiedBytes: number
  readonly sharedBytes: number
  readonly messages: number
  /** Times it woke the other side. */
  readonly notifications: number
  /** Times it went to sleep. */
  readonly parks: number
}

export const memoryFigures = (memory: MemoryStats): MemoryFigures => ({
  leases: memory.lentLeases,
  ownBlocks: memory.ownBlocks,
  ownBytes: memory.ownBytes,
  borrowedBlocks: memory.borrowedBlocks,
  borrowedBytes: memory.borrowedBytes,
  physicalBytes: memory.physicalBytes + memory.peerPhysicalBytes,
  limitBytes: memory.limitBytes,
  views: memory.views,
})

export function readStats(
  memory: MemoryStats,
  channel: ChannelStats,
  calls: Calls,
  batches: BridgeStats['batches'],
): BridgeStats {
  return {
    calls: calls.count,
    pending: calls.pending,
    threads: calls.threads,
    functions: calls.functions,
    objects: calls.objects,
    copiedBytes: memory.copiedBytes + channel.workerCopiedBytes,
    sharedBytes: channel.nodeSharedBytes + channel.workerSharedBytes,
    ...memoryFigures(memory),
    spin: channel.spinNs / 1000,
    node: {
      copiedBytes: memory.copiedBytes,
      sharedBytes: channel.nodeSharedBytes,
      messages: channel.nodeMessages,
      notifications: channel.nodeNotifications,
      parks: channel.nodeParks,
    },
    worker: {
      copiedBytes: channel.workerCopiedBytes,
      sharedBytes: channel.workerSharedBytes,
      messages: channel.workerMessages,
      notifications: channel.workerNotifications,
      parks: channel.workerParks,
    },
    batches,
  }
}
