/** Frames of a simulation: by reference, until the reader has seen enough, and no faster than it reads. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ItemStream, spawn, type Tensor } from 'isthmus'

type Picture = Tensor<'uint8'>
type State = { made: number; closed: boolean }

await using py = await spawn(new URL('./heat.py', import.meta.url))

// All frames. `using` gives a picture back to Python at the end of each turn.
let count = 0
let brightest = 0
for await (const frame of py.stream('pictures', 512, 100) as ItemStream<Picture>) {
  using picture = frame
  count++
  brightest = Math.max(...picture.data.subarray(260 * 512, 261 * 512))
}
console.log(`${count} pictures; brightness of row 260 at the end: ${brightest}`)
console.log(`bytes copied: ${py.stats().copiedBytes}`)

// break closes the generator: its `finally` runs.
for await (const frame of py.stream('pictures', 512, 1_000_000) as ItemStream<Picture>) {
  using picture = frame
  if (picture.data[128 * 512 + 128]! < 100) break
}
const left = await state(({ closed }) => closed)
console.log(`closed after break: ${left.closed}; before its end: ${left.made < 1_000_000}`)

// A slow reader. The generator is at most `window` frames ahead.
let read = 0
let ahead = 0
for await (const frame of py.with({ window: 4 }).stream('pictures', 512, 40)) {
  using _picture = frame as Picture
  read++
  await sleep(5)
  if (read < 40) ahead = Math.max(ahead, (await state()).made - read)
}
console.log(`read ${read} slowly; at most 4 ahead: ${ahead <= 4}`)

// A generator that changes the array that it has yielded. Frames do not tear: each is a copy.
const before = py.stats().copiedBytes
const hottest: number[] = []
for await (const frame of py.stream('plates', 512, 3) as ItemStream<Tensor<'float32'>>) {
  await sleep(5) // Python goes on meanwhile
  hottest.push(frame.data[128 * 512 + 128]!)
}
console.log(`corner of the hot part: ${hottest.map(value => value.toFixed(3)).join(', ')}`)
console.log(`copied: ${(py.stats().copiedBytes - before) / (512 * 512 * 4)} plates`)

/** What Python says of its last generator, once it is as wanted. */
async function state(wanted = (_: State) => true): Promise<State> {
  for (;;) {
    const now = (await py.call('state')) as State
    if (wanted(now)) return now
  }
}
