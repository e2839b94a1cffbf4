/** LightGBM: a number for each row, and for some of them an array that says why. */
import { spawn, type Tensor } from 'isthmus'

await using py = await spawn(new URL('./delays.py', import.meta.url))
const names = (await py.call('features')) as string[]
const [rows, late] = (await py.call('held_out')) as [Tensor<'float64'>, Tensor<'bool'>]
const row = (at: number) => rows.data.subarray(at * names.length, (at + 1) * names.length)

// A batch function that returns [n] gives each caller a number.
const risks = (await Promise.all(
  Array.from(late.data, (_, at) => py.call('risk', row(at))),
)) as number[]
const right = risks.filter((risk, at) => risk > 0.5 === Boolean(late.data[at])).length
console.log(`${risks.length} parcels, ${((right / risks.length) * 100).toFixed(0)} % right`)
console.log(`calls of the model: ${py.stats().batches.risk!.batches}`)

// One that returns [n, 6] gives each caller a tensor of 6, a row of the array that they share.
const worst = risks.indexOf(Math.max(...risks))
using why = (await py.call('reasons', row(worst))) as Tensor<'float64'>
const strongest = why.data.indexOf(Math.max(...why.data.subarray(0, names.length)))
const odds = why.data.reduce((sum, part) => sum + part)
console.log(`the likeliest to be late, because of: ${names[strongest]}`)
console.log(`the reasons add up: ${Math.abs(1 / (1 + Math.exp(-odds)) - risks[worst]!) < 1e-9}`)

// Missing values are LightGBM's business: a row of NaN is answered as any other.
const unknown = (await py.call('risk', new Float64Array(names.length).fill(Number.NaN))) as number
console.log(`of a parcel of which nothing is known: ${unknown > 0 && unknown < 1}`)
