/** Python calls Node: functions and iterables as arguments. */
import { setTimeout as sleep } from 'node:timers/promises'
import { keep, spawn, type Tensor } from 'isthmus'

await using py = await spawn(new URL('./regression.py', import.meta.url))

// A function that Python calls at every step. It gets the weights, and says when to stop.
const xs = Float64Array.from({ length: 2000 }, (_, i) => Math.sin(i) * ((i % 2) + 1))
const ys = Float64Array.from({ length: 1000 }, (_, i) => 3 * xs[2 * i]! - xs[2 * i + 1]!)
const x = py.tensor.from(xs, { shape: [1000, 2] })
const y = py.tensor.from(ys)
let steps = 0
const onStep = (step: number, loss: number, weights: Tensor<'float64'>) => {
  steps = step
  weights.release()
  return loss > 1e-9
}
const weights = (await py.call('descend', x, y, 0.1, onStep)) as Tensor<'float64'>
console.log(`weights ${[...weights.data].map(w => w.toFixed(2)).join(', ')} in ${steps} steps`)

// An iterable: Python asks for the next chunk when it needs one.
async function* chunks() {
  for (let from = 0; from < 10; from++) {
    await sleep(1) // from a file, a database, the network
    yield Float64Array.from({ length: 1000 }, (_, i) => from * 1000 + i)
  }
}
console.log(`mean ${await py.call('mean_of', chunks())}`)

// An async function for an `async def`: three run at the same time.
let running = 0
let most = 0
const load = async (name: string) => {
  most = Math.max(most, ++running)
  await sleep(20)
  running--
  return `contents of ${name}`
}
console.log(`longest: ${await py.call('longest', load, ['a', 'bcd', 'ef'])}; ${most} at a time`)

// What a function throws is an exception in Python, where it is caught or not.
const read = (name: string) => {
  if (name === 'missing') throw new RangeError(`there is no ${name}`)
  return name.toUpperCase()
}
console.log(await py.call('first_that_works', read, ['missing', 'there']))

// A function that Python may call after the call has ended: until Python drops it.
const heard: string[] = []
await py.call(
  'subscribe',
  keep((text: string) => heard.push(text)),
)
await py.call('publish', 'hello')
await py.call('publish', 'again')
console.log(`heard ${heard.join(', ')}`)
