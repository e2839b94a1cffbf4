/** Two workers and one tensor: rows are split without a copy, and results written into disjoint rows of another. */
import { pool, type Tensor } from 'isthmus'

const rows = 4096
const samples = 1024
await using workers = await pool(new URL('./spectrum.py', import.meta.url), { workers: 2 })

// Row r is a sine wave with r % 500 + 1 periods. Both workers see this memory.
const signal = workers.tensor('float32', [rows, samples], { uninitialized: true })
for (let r = 0, at = 0; r < rows; r++)
  for (let i = 0; i < samples; i++)
    signal.data[at++] = Math.sin((2 * Math.PI * ((r % 500) + 1) * i) / samples)

// Every worker gets the window function.
const hann = Float32Array.from(
  { length: samples },
  (_, i) => Math.sin((Math.PI * i) / samples) ** 2,
)
const pids = await workers.broadcast('use_window', hann)
console.log(`${new Set(pids).size} workers`)
const { copiedBytes } = workers.stats()

// One array of results, in order.
const totals = (await workers.map('total', signal, { chunk: 512 })) as number[]
console.log(`${totals.length} chunks`)

// One tensor of results: each worker writes its rows.
const spectra = workers.tensor('float32', [rows, samples / 2 + 1])
await workers.map('power', signal, { chunk: 256, into: spectra })

// The result goes on as any tensor does.
const peaks = ((await workers.map('loudest', spectra)) as number[][]).flat()
console.log(`all peaks where they should be: ${peaks.every((peak, r) => peak === (r % 500) + 1)}`)

// What one worker has made, both read.
const made = (await workers.call('power', signal.subarray(0, 1000))) as Tensor<'float32'>
const [one, other] = await workers.broadcast('total', made)
console.log(`the same in both: ${one === other && one !== 0}`)
console.log(`copied after the window: ${workers.stats().copiedBytes - copiedBytes} bytes`)

// Items of an array instead of rows.
const slices = [spectra.subarray(0, 1), spectra.subarray(499, 501), spectra.subarray(rows - 1)]
console.log(JSON.stringify(await workers.map('loudest', slices)))
