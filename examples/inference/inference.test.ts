import t from 'tap'
import { outputOf } from '../output.js'
import { without } from './installed.js'

const outputOfExample = (name: string) => outputOf(new URL(`./${name}/main.js`, import.meta.url))
const lastNumber = (line: string | undefined) => Number(line?.split(' ').at(-1))

t.test(
  'scikit-learn: 500 calls are a few batches, and an image that does not fit fails alone',
  {
    skip: await without('sklearn'),
  },
  async t => {
    const lines = outputOfExample('sklearn')
    t.match(lines, [
      /^500 images, 9\d\.\d % right$/,
      /^calls of the model: \d+$/,
      'copied: 256 bytes per image',
      'ValueError fulfilled',
    ])
    t.ok(lastNumber(lines[1]) < 100, lines[1]!)
  },
)

t.test(
  'LightGBM: numbers and rows of an array come back to those who asked, NaN rows too',
  {
    skip: await without('lightgbm'),
  },
  async t => {
    const lines = outputOfExample('lightgbm')
    t.match(lines, [
      /^1000 parcels, [89]\d % right$/,
      /^calls of the model: \d+$/,
      /^the likeliest to be late, because of: (distance|hour)$/,
      'the reasons add up: true',
      'of a parcel of which nothing is known: true',
    ])
    t.ok(lastNumber(lines[1]) < 100, lines[1]!)
  },
)

t.test(
  'ONNX Runtime: inputs and outputs are bound to shared memory; single rows are copied once',
  {
    skip: await without('onnx', 'onnxruntime'),
  },
  async t => {
    t.match(outputOfExample('onnx'), [
      '4096 × 128 embeddings, copied: 0 bytes',
      'as numpy computes them: true',
      'the same one by one: true',
      'copied: 1024 bytes per row',
      'rows takes float32, and got float64',
    ])
  },
)

t.test(
  'PyTorch: single points in batches; a result is written where Node reads it',
  {
    skip: await without('torch'),
  },
  async t => {
    const lines = outputOfExample('torch')
    t.match(lines, [
      /^500 points, (9\d|100) % right$/,
      /^calls of the model: \d+$/,
      'product: 6000, copied: 0 bytes',
    ])
    t.ok(lastNumber(lines[1]) < 100, lines[1]!)
  },
)
