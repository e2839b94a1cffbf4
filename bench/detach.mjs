// What the first detached ArrayBuffer of a process costs every typed-array loop after it (docs/lifetimes.md):
// `node bench/detach.mjs`. Medians of one loop before and after, in microseconds.
import { performance } from 'node:perf_hooks'

const length = 20_000
const samples = 4000
const arrays = [new Float32Array(length).fill(1), new Int32Array(length).fill(1)]

// One function per element type: a shared one would be slow for another reason.
const sums = [
  array => {
    let sum = 0
    for (let i = 0; i < array.length; i++) sum += array[i]
    return sum
  },
  array => {
    let sum = 0
    for (let i = 0; i < array.length; i++) sum = (sum + array[i]) | 0
    return sum
  },
]

function median(sum, array) {
  const times = []
  for (let n = 0; n < samples; n++) {
    const start = performance.now()
    if (sum(array) !== length) throw new Error('the sum is wrong')
    times.push((performance.now() - start) * 1000)
  }
  return times.sort((a, b) => a - b)[samples / 2]
}

// The second of two rounds, when the loops are compiled.
const measure = () =>
  arrays.map((array, kind) => {
    median(sums[kind], array)
    return median(sums[kind], array)
  })

const before = measure()
structuredClone(0, { transfer: [new ArrayBuffer(8)] })
const after = measure()
console.log(`Node ${process.versions.node}, sum of ${length} elements, µs`)
for (const [kind, array] of arrays.entries())
  console.log(
    `  ${array.constructor.name.padEnd(13)} before ${before[kind].toFixed(1)}, after ${after[kind].toFixed(1)}: × ${(after[kind] / before[kind]).toFixed(2)}`,
  )
