// `pool.map`: one call becomes many, each on some rows of a tensor or some items of an array.
import { ForeignTensorError, ShapeError, ValueTypeError } from './errors.js'
import { Kwargs } from './kwargs.js'
import type { Memory } from './memory.js'
import { checked, mapChecks } from './option-checks.js'
import type { WireOptions } from './request.js'
import { Tensor } from './tensor.js'

export interface MapOptions<I extends Tensor | undefined = Tensor | undefined> {
  /** Rows, or items, for each call. Default: a quarter of a worker's share, so that a slow worker does not hold up the rest. */
  readonly chunk?: number
  /**
   * A tensor with as many rows as the one that is split: each call's result is written into its rows. `map` gives it
   * back in place of the results.
   */
  readonly into?: I
  /** Arguments that follow the rows or the item, the same for every call; `kwargs({…})` as the last adds keywords. */
  readonly args?: readonly unknown[]
  /** Aborts the calls that run, and those that do not yet. */
  readonly signal?: AbortSignal
}

/** Where the calls go. */
export interface ChunkRunner {
  readonly memory: Memory
  readonly workers: number
  /** Calls that may run at the same time in all workers. */
  readonly places: number
  run(
    name: string,
    args: readonly unknown[],
    kwargs: Kwargs['values'] | undefined,
    wire: WireOptions,
    signal: AbortSignal,
  ): Promise<unknown>
}

/** Chunks for each worker by default. */
const chunksPerWorker = 4

export async function map(
  runner: ChunkRunner,
  name: string,
  source: unknown,
  options: MapOptions = {},
): Promise<unknown> {
  const { chunk, into, args: given, signal } = checked('map()', options, mapChecks)
  const last = given.at(-1)
  const kwargs = last instanceof Kwargs ? last.values : undefined
  const args = last instanceof Kwargs ? given.slice(0, -1) : given
  const size = (length: number) =>
    Math.min(length, chunk ?? Math.ceil(length / (runner.workers * chunksPerWorker)))

  if (Array.isArray(source)) {
    if (into !== undefined)
      throw new ValueTypeError('into takes rows, but items is an array; map over a tensor', 'into')
    const items = [...source] // what the caller does to it meanwhile changes nothing
    const results = await eachChunk(
      runner,
      signal,
      items.length,
      size(items.length),
      (at, end, aborted) =>
        runner.run(name, [items.slice(at, end), ...args], kwargs, { each: true }, aborted),
    )
    return (results as unknown[][]).flat()
  }

  const rows = rowsOf(source, 'items', runner.memory)
  const target = into === undefined ? undefined : rowsOf(into, 'into', runner.memory)
  const count = rows.shape[0]!
  if (count === 0)
    throw new ShapeError(
      `items has no rows: its shape is [${rows.shape.join(', ')}], and map() calls ${name}() on some rows at a time`,
    )
  if (target !== undefined && target.shape[0] !== count)
    throw new ShapeError(
      `into has ${target.shape[0]} rows, but items has ${count}: each row of items needs one to be written to`,
    )
  // Their own references: the caller may give the tensors up while chunks are still to be made.
  const ours = [rows.subarray(), ...(target === undefined ? [] : [target.subarray()])] as const
  try {
    const results = await eachChunk(runner, signal, count, size(count), (at, end, aborted) => {
      const [part, place] = ours.map(tensor => tensor.subarray(at, end))
      try {
        const wire = place === undefined ? {} : { into: place }
        return runner.run(name, [part, ...args], kwargs, wire, aborted)
      } finally {
        part!.release() // the message holds them by now
        place?.release()
      }
    })
    return into ?? results
  } finally {
    for (const tensor of ours) tensor.release()
  }
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
  runner: ChunkRunner,
  signal: AbortSignal | undefined,
  length: number,
  size: number,
  start: (at: number, end: number, aborted: AbortSignal) => Promise<unknown>,
): Promise<unknown[]> {
  const results: unknown[] = []
  const abort = new AbortController()
  const onAbort = () => abort.abort(signal!.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  let next = 0
  const work = async () => {
    while (next * size < length) {
      const chunk = next++
      const at = chunk * size
      results[chunk] = await start(at, Math.min(length, at + size), abort.signal)
    }
  }
  try {
    const parallel = Math.min(runner.places * 2, Math.ceil(length / size) || 0)
    await Promise.all(Array.from({ length: parallel }, work))
    return results
  } catch (error) {
    abort.abort(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
