// The memory of one bridge: blocks of its arena, views of blocks, and what happens when there is none left. It outlives
// the workers that use it.
import type { TypedArray } from './dtypes.js'
import { ArenaFullError, ClosedError, DisposedError, ShapeError, SystemError } from './errors.js'
import { type MemoryOptions, type NativeMemory, native, type Slot, Status } from './native.js'
import type { ResolvedOptions } from './options.js'
import { packedStrides } from './shape.js'

/** Where the elements of a tensor are. */
export interface Source {
  readonly slot: Slot
  readonly offset: number
  readonly dtype: { readonly itemsize: number }
  readonly shape: readonly number[]
  /** undefined: C order without gaps. */
  readonly strides: readonly number[] | undefined
}

const defaultArena = 64 * 2 ** 30

export class Memory {
  readonly native: NativeMemory
  /** dispose() detaches the buffer of a tensor. */
  readonly detach: boolean
  /** Bytes that all blocks may have together, and one block at most. */
  readonly limit: number
  /** No tensor can be made any more; those that there are stay valid. */
  closed = false
  /** Releases the reference of a tensor that was dropped before its data was ever looked at. */
  readonly #dropped: FinalizationRegistry<Slot>
  /**
   * How many reasons there are to be told when the continuations of a delivery have run, by `settle()`. Shared with the addon.
   */
  readonly asks = new Uint32Array(1)
  /** Tensors that have arrived since `settle()`, and how many of them still need to be watched. */
  #kept: Watchable[] = []
  #unwatched = 0

  /** @throws SystemError */
  constructor(settings: ResolvedOptions) {
    const memory = makeNative(settings)
    this.native = memory
    this.limit = Math.min(memory.stats().limitBytes, settings.arena ?? Infinity)
    this.detach = settings.detach
    this.#dropped = new FinalizationRegistry(slot => memory.release(slot))
    if (settings.prefault > 0) memory.prefault(settings.prefault)
  }

  /**
   * A block of at least `bytes`, with one reference.
   * @throws ArenaFullError, after garbage was collected
   */
  allocate(bytes: number, zeroed: boolean): Slot {
    if (this.closed) throw new ClosedError()
    let slot = this.native.allocate(bytes, zeroed)
    if (slot >= 0) return slot
    if (-slot === Status.arenaFull) {
      this.collect()
      slot = this.native.allocate(bytes, zeroed)
      if (slot >= 0) return slot
    }
    throw this.refusal(bytes, -slot)
  }

  retain(slot: Slot): void {
    this.native.retain(slot)
  }

  release(slot: Slot): void {
    this.native.release(slot)
  }

  /** Collects garbage, and gives back what that frees. */
  collect(): void {
    this.settle() // what is kept would not be garbage
    this.native.collect()
  }

  /** The workers have ended: memory that no tensor needs goes now, the rest with the tensors. */
  close(): void {
    this.closed = true
    this.native.close()
    // No message comes any more with which to look for views that are gone: every collection makes it look.
    if (this.native.stats().views > 0) collections.register({}, this)
  }

  /** Copies the elements into a block, `offset` bytes from its start. */
  copyIn(slot: Slot, source: TypedArray, offset = 0): void {
    const known = (source[Symbol.toStringTag] as string) !== 'Float16Array'
    this.native.copyIn(
      slot,
      known ? source : new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
      offset,
    )
  }

  /**
   * Copies the elements of a tensor into a block, in C order, `toOffset` bytes from its start.
   * @param source of the same memory
   */
  gather(to: Slot, source: Source, toOffset = 0): void {
    const { slot, offset, dtype, shape } = source
    if (shape.includes(0)) return
    const strides = source.strides ?? packedStrides(shape, dtype.itemsize)
    const words = (values: readonly number[]) => BigInt64Array.from(values, BigInt)
    const { native } = this
    native.copyStrided(to, slot, offset, dtype.itemsize, words(shape), words(strides), toOffset)
  }

  /** What a Status other than ok means to the user. */
  refusal(requested: number, status: number): Error {
    const stats = this.native.stats()
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
      holders: this.native.holders().map(({ bytes, refs, leases }) => ({
        what: `tensor (${refs} in use in Node, ${leases} leases in Python)`,
        bytes,
      })),
    })
  }

  /** Calls `release(slot)` once `owner` is collected, unless it is forgotten before. */
  watch(owner: object, slot: Slot): void {
    this.#dropped.register(owner, slot, owner)
  }

  forget(owner: object): void {
    this.#dropped.unregister(owner)
  }

  /**
   * A tensor that has just arrived is kept, and watched by `settle()`. Most are looked at or given up before: to register
   * them with a FinalizationRegistry would cost more than all the rest of their life.
   */
  keep(tensor: Watchable): void {
    this.#kept.push(tensor)
    this.#unwatched++
    this.asks[0]!++
  }

  /** One that is kept holds its block no more. */
  unkeep(): void {
    this.asks[0]!--
    if (--this.#unwatched === 0) this.#kept.length = 0
  }

  /** The continuations that could look at what has arrived have run, or run much later. */
  settle(): void {
    if (this.#unwatched === 0) return
    for (const tensor of this.#kept) tensor.watch()
    this.#kept = []
    this.asks[0]! -= this.#unwatched
    this.#unwatched = 0
  }
}

interface Watchable {
  /** Unless it holds no block any more. */
  watch(): void
}

/** Hears of the collection of what nobody ever referred to: of the next one of all of the heap. */
const collections = new FinalizationRegistry<Memory>(memory => memory.close())

/** Views hold their block themselves; only where they are copies must the tensor go on holding it. */
export const viewsHoldBlocks = native.viewMode !== 'copy'

function makeNative(settings: ResolvedOptions): NativeMemory {
  try {
    return new native.Memory(memoryOptions(settings))
  } catch (error) {
    throw new SystemError((error as Error).message, { cause: error })
  }
}

function memoryOptions(settings: ResolvedOptions): MemoryOptions {
  const limitBytes = settings.memory ?? Math.floor(native.memoryBytes() / 2)
  return {
    arenaBytes: settings.arena ?? defaultArena,
    limitBytes,
    retainBytes: settings.retain ?? Math.floor(limitBytes / 4),
  }
}
