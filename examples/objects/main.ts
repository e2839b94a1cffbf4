/** An instance of a Python class: it stays in the worker, and Node calls its methods. */
import { type ItemStream, kwargs, spawn, type Tensor } from 'isthmus'

await using py = await spawn(new URL('./simulation.py', import.meta.url))

using sim = await py.create('Simulation', 10_000, kwargs({ seed: 7 }))
const before = (await sim.call('energy')) as number
const time = (await sim.fn.step!(0.001, 1000)) as number
const after = (await sim.call('energy')) as number
console.log(`time ${time.toFixed(1)}, energy kept: ${Math.abs(after / before - 1) < 1e-6}`)

// A stream of a method.
let farthest = 0
for await (const frame of sim.stream('frames', 0.01, 10) as ItemStream<Tensor<'float64'>>) {
  using positions = frame
  for (let i = 0; i < positions.size; i += 2)
    farthest = Math.max(farthest, Math.hypot(positions.data[i]!, positions.data[i + 1]!))
}
console.log(`all within the outer circle: ${farthest < 2.01}`)

// An object as an argument is the object itself.
using other = await py.create('Simulation', 10_000, kwargs({ seed: 7 }))
const apart = (await py.call('distance', sim, other)) as number
console.log(`apart by then: ${apart > 0.1}`)
await other.call('step', 0.001, 1000)
await other.call('step', 0.01, 10)
console.log(`the same after the same steps: ${(await py.call('distance', sim, other)) === 0}`)

// dispose() drops it in Python; `using` calls it at the end of the scope.
other.dispose()
await other.call('energy').catch((error: { code?: string }) => console.log(error.code))
