/** PyTorch: single points in batches, and a product that is written where Node reads it. */
import { spawn, type Tensor } from 'isthmus'

await using py = await spawn(new URL('./circles.py', import.meta.url))
const [points, inner] = (await py.call('held_out')) as [Tensor<'float32'>, number[]]

const chances = (await Promise.all(
  inner.map((_, at) => py.call('chances', points.data.subarray(at * 2, at * 2 + 2))),
)) as Tensor<'float32'>[]
const right = chances.filter(({ data }, at) => Number(data[1]! > data[0]!) === inner[at]).length
console.log(`${inner.length} points, ${((right / inner.length) * 100).toFixed(0)} % right`)
console.log(`calls of the model: ${py.stats().batches.chances!.batches}`)

const a = py.tensor('float32', [1000, 1000])
const b = py.tensor('float32', [1000, 1000])
a.data.fill(2)
b.data.fill(3)
const { copiedBytes } = py.stats()
using product = (await py.call('product', a, b)) as Tensor<'float32'>
console.log(`product: ${product.at(0, 0)}, copied: ${py.stats().copiedBytes - copiedBytes} bytes`)
