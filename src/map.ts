// `pool.map`: one call becomes many, each on some rows of a tensor or some items of an array.
import { setMaxListeners } from 'node:events'
import { ForeignTensorError, ShapeError, ValueTypeError } from './errors.js'
import { type Kwargs, splitKwargs } from './kwargs.js'
import type { Memory } from './memory.js'
import { checked, mapChecks } from './option-checks.js'
import type { WireOptions } from './request.js'
import { Tensor } from './tensor.js'

export interface MapOptions {
  /** Rows, or items, for each call. Default: a quarter of a worker's share, so that a slow worker does not hold up the rest. */
  readonly chunk?: number
  /**
   * A tensor with as many rows as the one that is split: each call's result is written into its rows. `map` gives it
   * back in place of the results.
   */
  readonly into?: Tensor
  /** Arguments that follow the rows or the item, the same for every call; `kwargs({…})` as the last adds keywords. */
  readonly args?: readonly unknown[]
  /** Aborts the calls that run, and those that do not yet. */
  readonly signal?: AbortSignal
}

/** One of the calls. */
export interface Chunk {
  readonly name: string
  readonly args: readonly unknown[]
  readonly kwargs: Kwargs['values'] | undefined
  readonly wire: WireOptions
  readonly signal: AbortSignal
}

/** Where the calls go. */
export interface ChunkRunner {
  readonly memory: Memory
  readonly workers: number
  /** Calls that may run at the same time in all workers. */
  readonly places: number
  /** Takes a chunk over: tensors may be given up when this has returned. */
  run(chunk: Chunk): Promise<unknown>
}

/** Chunks for each worker by default. */
const chunksPerWorker = 4

/** @returns results in order, or `into` */
export async function map(
  runner: ChunkRunner,
  name: string,
  source: unknown,
  options: MapOptions = {},
): Promise<unknown> {
  const { chunk, into, args: given, signal } = checked('map()', options, mapChecks)
  const [args, kwargs] = splitKwargs(given)
  const share = (length: number) => Math.ceil(length / (runner.workers * chunksPerWorker))
  const size = (length: number) => Math.min(chunk ?? share(length), length)
  const start = (first: unknown, wire: WireOptions, aborted: AbortSignal) =>
    runner.run({ name, args: [first, ...args], kwargs, wire, signal: aborted })

  if (Array.isArray(source)) {
    if (into !== undefined)
      throw new ValueTypeError('into takes rows, but items is an array; map over a tensor', 'into')
    const items = [...source] // what the caller does to it meanwhile changes nothing
    const parts = { length: items.length, size: size(items.length) }
    const lists = await eachChunk(runner.places, parts, signal, (at, end, aborted) =>
      start(items.slice(at, end), { each: true }, aborted),
    )
    return (lists as unknown[][]).flat()
  }

  const rows = rowsOf(source, 'items', runner.memory)
  const target = into === undefined ? undefined : rowsOf(into, 'into', runner.memory)
  const length = rows.shape[0]!
  if (length === 0)
    throw new ShapeError(
      `items has no rows: its shape is [${rows.shape.join(', ')}], and map() calls ${name}() on some rows at a time`,
    )
  if (target !== undefined && target.shape[0] !== length)
    throw new ShapeError(
      `into has ${target.shape[0]} rows, but items has ${length}: each row of items needs one to be written to`,
    )
  // References of our own: the caller may give the tensors up while chunks are still to be made.
  using from = rows.subarray()
  using to = target?.subarray()
  const parts = { length, size: size(length) }
  const results = await eachChunk(runner.places, parts, signal, (at, end, aborted) => {
    using part = from.subarray(at, end)
    using place = to?.subarray(at, end)
    return start(part, { rows: true, ...(place && { into: place }) }, aborted)
  })
  return into ?? results
}

function rowsOf(value: unknown, what: string, memory: Memory): Tensor {
  if (!(value instanceof Tensor))
    throw new ValueTypeError(
      `${what} is ${what === 'into' ? 'a tensor' : 'a tensor or an array'} for map(); make one with tensor() or tensor.from()`,
      what,
    )
  if (value.placedIn(memory) === undefined) throw new ForeignTensorError(what)
  if (value.ndim === 0) throw new ShapeError(`${what} is a 0-d tensor, which has no rows`)
  return value
}

/**
 * The results of all chunks, in order. As many are under way as keep every worker busy, and no more: a long array does
 * not become a long queue. The first error rejects; the other calls are aborted then.
 */
async function eachChunk(
  places: number,
  { length, size }: { readonly length: number; readonly size: number },
  signal: AbortSignal | undefined,
  start: (at: number, end: number, aborted: AbortSignal) => Promise<unknown>,
): Promise<unknown[]> {
  const results: unknown[] = []
  const abort = new AbortController()
  const onAbort = () => abort.abort(signal!.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  setMaxListeners(0, abort.signal) // one for each call that is under way
  let next = 0
  const work = async () => {
    while (next * size < length) {
      const chunk = next++
      const at = chunk * size
      results[chunk] = await start(at, Math.min(length, at + size), abort.signal)
    }
  }
  try {
    const parallel = length === 0 ? 0 : Math.min(places * 2, Math.ceil(length / size))
    await Promise.all(Array.from({ length: parallel }, work))
    return results
  } catch (error) {
    abort.abort(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
