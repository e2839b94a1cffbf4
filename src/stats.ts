import type { Calls } from './calls.js'
import type { NativeStats } from './native.js'

/** Figures of both processes since the bridge was made. Sizes in bytes. */
export interface BridgeStats {
  /** Calls sent. */
  readonly calls: number
  /** Calls not answered yet. */
  readonly pending: number
  /** Tensor bytes copied, in either process, because they did not lie in shared memory. 0: every array crossed by reference. */
  readonly copiedBytes: number
  /** Tensor bytes that crossed by reference, in either direction. */
  readonly sharedBytes: number
  /** Leases that Python holds on tensors of Node. */
  readonly leases: number
  /** Tensors of Node's own arena in use, and their bytes. */
  readonly ownBlocks: number
  readonly ownBytes: number
  /** Tensors of Python's arena in use here, and their bytes. */
  readonly borrowedBlocks: number
  readonly borrowedBytes: number
  /** Shared memory that exists, in both arenas together, and its limit. */
  readonly physicalBytes: number
  readonly limitBytes: number
  /** ArrayBuffers over shared memory that are still reachable. */
  readonly views: number
  /** Microseconds for which an idle side polls before it sleeps. */
  readonly spin: number
  readonly node: SideStats
  readonly worker: SideStats
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

export function readStats(from: NativeStats, calls: Calls): BridgeStats {
  return {
    calls: calls.count,
    pending: calls.pending,
    copiedBytes: from.nodeCopiedBytes + from.workerCopiedBytes,
    sharedBytes: from.nodeSharedBytes + from.workerSharedBytes,
    leases: from.lentLeases,
    ownBlocks: from.ownBlocks,
    ownBytes: from.ownBytes,
    borrowedBlocks: from.borrowedBlocks,
    borrowedBytes: from.borrowedBytes,
    physicalBytes: from.physicalBytes + from.peerPhysicalBytes,
    limitBytes: from.limitBytes,
    views: from.views,
    spin: from.spinNs / 1000,
    node: {
      copiedBytes: from.nodeCopiedBytes,
      sharedBytes: from.nodeSharedBytes,
      messages: from.nodeMessages,
      notifications: from.nodeNotifications,
      parks: from.nodeParks,
    },
    worker: {
      copiedBytes: from.workerCopiedBytes,
      sharedBytes: from.workerSharedBytes,
      messages: from.workerMessages,
      notifications: from.workerNotifications,
      parks: from.workerParks,
    },
  }
}
