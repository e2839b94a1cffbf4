// The memory of one bridge: blocks of its arena, views of blocks, and what happens when there is none left.
import type { TypedArray } from './dtypes.js'
import { ArenaFullError, ClosedError, DisposedError, ShapeError, SystemError } from './errors.js'
import { type Channel, native, type Slot, Status } from './native.js'

export class Memory {
  readonly channel: Channel
  /** dispose() detaches the buffer of a tensor. */
  readonly detach: boolean
  closed = false
  /** Releases the reference of a tensor that was dropped before its data was ever looked at. */
  readonly #dropped: FinalizationRegistry<Slot>

  constructor(channel: Channel, detach: boolean) {
    this.channel = channel
    this.detach = detach
    this.#dropped = new FinalizationRegistry(slot => channel.release(slot))
  }

  /**
   * A block of at least `bytes`, with one reference.
   * @throws ArenaFullError, after garbage was collected
   */
  allocate(bytes: number, zeroed: boolean): Slot {
    if (this.closed) throw new ClosedError()
    let slot = this.channel.allocate(bytes, zeroed)
    if (slot >= 0) return slot
    if (-slot === Status.arenaFull) {
      this.channel.collect()
      slot = this.channel.allocate(bytes, zeroed)
      if (slot >= 0) return slot
    }
    throw this.refusal(bytes, -slot)
  }

  retain(slot: Slot): void {
    this.channel.retain(slot)
  }

  release(slot: Slot): void {
    this.channel.release(slot)
  }

  /** Collects garbage now, so that memory which nobody reaches can be used again. */
  collect(): void {
    this.channel.collect()
  }

  /** Copies the elements to the start of a block. */
  copyIn(slot: Slot, source: TypedArray): void {
    const known = (source[Symbol.toStringTag] as string) !== 'Float16Array'
    this.channel.copyIn(
      slot,
      known ? source : new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
    )
  }

  /** What a Status other than ok means to the user. */
  refusal(requested: number, status: number): Error {
    const stats = this.channel.stats()
    if (status === Status.tooLarge)
      return new ShapeError(
        `${requested} bytes are more than an arena can hold; make smaller tensors or raise \`arena\``,
      )
    if (status === Status.unknownBlock) return new DisposedError()
    if (status === Status.closed) return new ClosedError()
    if (status !== Status.arenaFull)
      return new SystemError(
        `no shared memory: ${native.statuses[status]?.[1] ?? `status ${status}`}`,
      )
    return new ArenaFullError({
      requested,
      used: stats.physicalBytes + stats.peerPhysicalBytes,
      limit: stats.limitBytes,
      holders: this.channel.holders().map(({ bytes, refs, leases }) => ({
        what: `tensor (${refs} in use in Node, ${leases} leases in Python)`,
        bytes,
      })),
    })
  }

  /** Calls `channel.release(slot)` once `owner` is collected, unless it is forgotten before. */
  watch(owner: object, slot: Slot): void {
    this.#dropped.register(owner, slot, owner)
  }

  forget(owner: object): void {
    this.#dropped.unregister(owner)
  }
}

/** Views hold their block themselves; only where they are copies must the tensor go on holding it. */
export const viewsHoldBlocks = native.viewMode !== 'copy'
