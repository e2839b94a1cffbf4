/** ONNX Runtime reads rows and writes embeddings where they lie in shared memory. */
import { spawn, type Tensor } from 'isthmus'

const rows = 4096
await using py = await spawn(new URL('./embeddings.py', import.meta.url))

// 4 MB in, 2 MB out, and nothing is copied.
const input = py.tensor('float32', [rows, 256], { uninitialized: true })
input.data.forEach((_, at) => {
  input.data[at] = Math.sin(at * at)
})
const all = (await py.call('embed_all', input)) as Tensor<'float32'>
console.log(`${all.shape.join(' × ')} embeddings, copied: ${py.stats().copiedBytes} bytes`)
console.log(
  `as numpy computes them: ${((await py.call('difference', input, all)) as number) < 1e-4}`,
)

// Single rows are written into the batch, once; what comes back are rows of the batch's result.
const before = py.stats().copiedBytes
const single = (await Promise.all(
  Array.from({ length: 500 }, (_, at) =>
    py.call('embed', input.subarray(at, at + 1).reshape([256])),
  ),
)) as Tensor<'float32'>[]
const same = single.every(({ data }, at) =>
  data.every((value, i) => Math.abs(value - all.at(at, i)) < 1e-4),
)
console.log(`the same one by one: ${same}`)
console.log(`copied: ${(py.stats().copiedBytes - before) / 500} bytes per row`)

// What the model does not take is refused before it runs.
const refused = await py.call('embed', new Float64Array(256)).catch(error => error.pythonMessage)
console.log(refused)
