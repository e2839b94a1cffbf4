/** A forest of scikit-learn. One call for each image, as the requests of a server make them; Python gets batches. */
import { spawn, type Tensor } from 'isthmus'

await using py = await spawn(new URL('./digits.py', import.meta.url))
const [images, labels] = (await py.call('held_out')) as [Tensor<'float32'>, number[]]
const image = (at: number) => images.data.subarray(at * 64, (at + 1) * 64)

const { copiedBytes } = py.stats()
const answers = (await Promise.all(labels.map((_, at) => py.call('classify', image(at))))) as {
  digit: number
  probability: number
}[]

const right = answers.filter(({ digit }, at) => digit === labels[at]).length
console.log(`${answers.length} images, ${((right / labels.length) * 100).toFixed(1)} % right`)
console.log(`calls of the model: ${py.stats().batches.classify!.batches}`)
console.log(`copied: ${(py.stats().copiedBytes - copiedBytes) / labels.length} bytes per image`)

// An image that does not fit rejects alone: those that are called at the same time get their results.
const [wrong, fine] = await Promise.allSettled([
  py.call('classify', new Float32Array(10)),
  py.call('classify', image(0)),
])
console.log(wrong.status === 'rejected' ? wrong.reason.type : wrong.value, fine.status)
