// Generated tensors of every dtype and shape, viewed in every way: the same elements in both languages, and copied only
// where the documentation says so. What is expected is computed here, from places in a flat list.
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import type { DType, Tensor } from 'isthmus'
import t from 'tap'
import { dtypeInfo, dtypeNames } from '#src/dtypes.js'
import { spawned } from './spawned.js'

const py = await spawned(t, 'views.py')

type Step =
  | ['axis', number]
  | ['repeat', number]
  | ['turn', number]
  | ['slice', number, number | null, number | null, number]

/** A view of `items` elements, in elements. */
interface Model {
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

const rowMajor = (shape: readonly number[]): Model => ({
  offset: 0,
  shape,
  strides: shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)),
})

/** As Python's slices: places beyond the ends are the ends. */
function range(length: number, start: number | null, stop: number | null, step: number) {
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1]
  const place = (at: number | null, otherwise: number) =>
    at === null ? otherwise : Math.min(Math.max(at < 0 ? at + length : at, low), high)
  const first = place(start, step > 0 ? low : high)
  const last = place(stop, step > 0 ? high : low)
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) }
}

function taken({ offset, shape, strides }: Model, [kind, ...how]: Step): Model {
  const insert = (list: readonly number[], at: number, value: number) =>
    list.toSpliced(at, 0, value)
  const ndim = shape.length
  if (kind === 'axis') {
    const at = how[0]! % (ndim + 1)
    return { offset, shape: insert(shape, at, 1), strides: insert(strides, at, 0) }
  }
  if (kind === 'repeat')
    return { offset, shape: insert(shape, 0, how[0]!), strides: insert(strides, 0, 0) }
  if (ndim === 0) return { offset, shape, strides }
  if (kind === 'turn') {
    const turned = (list: readonly number[]) =>
      list.map((_, axis) => list[(axis + how[0]!) % ndim]!)
    return { offset, shape: turned(shape), strides: turned(strides) }
  }
  const axis = how[0]! % ndim
  const step = how[3]!
  const { first, count } = range(shape[axis]!, how[1]!, how[2]!, step)
  return {
    offset: count === 0 ? offset : offset + first * strides[axis]!,
    shape: shape.with(axis, count),
    strides: strides.with(axis, strides[axis]! * step + 0), // not -0
  }
}

/** Places of the elements in C order. */
function places({ offset, shape, strides }: Model): number[] {
  let found = [offset]
  for (const [axis, length] of shape.entries())
    found = found.flatMap(at => Array.from({ length }, (_, i) => at + i * strides[axis]!))
  return found
}

function gathered(data: Buffer, model: Model, itemsize: number): Buffer {
  return Buffer.concat(places(model).map(at => data.subarray(at * itemsize, (at + 1) * itemsize)))
}

const near = fc.option(fc.integer({ min: -5, max: 5 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('axis' as const), fc.nat(6)),
  fc.tuple(fc.constant('repeat' as const), fc.nat(3)),
  fc.tuple(fc.constant('turn' as const), fc.nat(6)),
  fc.tuple(
    fc.constant('slice' as const),
    fc.nat(6),
    near,
    near,
    fc.constantFrom(-3, -2, -1, 1, 2, 3),
  ),
)
const shape = fc.oneof(
  { weight: 20, arbitrary: fc.array(fc.nat(4), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant(new Array<number>(58).fill(1)) },
)

interface Given {
  readonly dtype: DType
  readonly shape: number[]
  readonly data: Buffer
  readonly steps: Step[]
  readonly model: Model
  readonly order: '=' | '>'
}

const given: fc.Arbitrary<Given> = fc
  .record({
    dtype: fc.constantFrom(...dtypeNames.filter(name => name !== 'bfloat16')),
    shape,
    seed: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    steps: fc.array(step, { maxLength: 5 }),
    order: fc.constantFrom('=' as const, '>' as const),
  })
  .map(({ seed, ...rest }) => {
    const bytes = rest.shape.reduce((a, b) => a * b, 1) * dtypeInfo(rest.dtype).itemsize
    const data = Buffer.from(Array.from({ length: bytes }, (_, at) => seed[at % 64]! ^ (at >> 6)))
    if (rest.dtype === 'bool') for (const at of data.keys()) data[at]! &= 1
    const model = rest.steps.reduce(taken, rowMajor(rest.shape))
    return { ...rest, data, model }
  })

const batches = fc.array(given, { minLength: 1, maxLength: 40, size: 'max' })
const runs = Number(process.env.ISTHMUS_PROPERTY_RUNS ?? 60)
const bytesOf = ({ data }: Tensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** The tensor is what the model says, whatever its strides; those of axes with fewer than two elements say nothing. */
function check(tensor: Tensor, { dtype, data, model }: Given): Buffer {
  const { itemsize } = dtypeInfo(dtype)
  const expected = gathered(data, model, itemsize)
  deepStrictEqual([tensor.dtype, tensor.shape], [dtype, model.shape])
  using copy = tensor.copy()
  deepStrictEqual(bytesOf(copy), expected)
  return expected
}

t.test('views of tensors of Node come back by reference, with their shape and strides', async t => {
  let tensors = 0
  const property = fc.asyncProperty(batches, async batch => {
    tensors += batch.length
    const sent = batch.map(({ dtype, shape, data, steps }) => {
      const tensor = py.tensor(dtype, shape)
      bytesOf(tensor).set(data)
      return [tensor, steps] as const
    })
    const before = py.stats()
    const views = (await py.call('viewed', sent)) as [Tensor, Buffer][]
    const after = py.stats()
    deepStrictEqual(after.copiedBytes, before.copiedBytes)
    for (const [at, [view, inPython]] of views.entries()) {
      const one = batch[at]!
      deepStrictEqual(inPython, check(view, one))
      if (view.size === 0) continue
      const { itemsize } = dtypeInfo(one.dtype)
      for (const [axis, length] of view.shape.entries())
        if (length > 1) deepStrictEqual(view.strides[axis], one.model.strides[axis]! * itemsize)
    }
    // Once more, from where they are now. What copy() has copied is counted too.
    const copied = py.stats().copiedBytes
    const again = (await py.call(
      'raw',
      views.map(([view]) => view),
    )) as Buffer[]
    deepStrictEqual(
      again,
      views.map(([, inPython]) => inPython),
    )
    deepStrictEqual(py.stats().copiedBytes, copied)
    for (const [tensor] of [...sent, ...views]) tensor.release()
  })
  await fc.assert(property, { numRuns: runs })
  t.ok(tensors > runs, `${tensors} tensors`)
})

t.test(
  'small arrays of Python are copied once, in C order and in the byte order of the machine',
  async t => {
    let tensors = 0
    const property = fc.asyncProperty(batches, async batch => {
      tensors += batch.length
      const before = py.stats().worker.copiedBytes
      const sent = batch.map(({ data, dtype, shape, steps, order }) => [
        data,
        dtype,
        shape,
        steps,
        order,
      ])
      const views = (await py.call('made', sent)) as Tensor[]
      const bytes = views.map((view, at) => check(view, batch[at]!).length)
      deepStrictEqual(
        py.stats().worker.copiedBytes - before,
        bytes.reduce((a, b) => a + b, 0),
      )
      for (const view of views) {
        deepStrictEqual(view.isContiguous, true)
        view.release()
      }
    })
    await fc.assert(property, { numRuns: runs })
    t.ok(tensors > runs, `${tensors} tensors`)
  },
)
