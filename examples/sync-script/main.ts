/** A script that waits for every answer anyway: callSync() returns the result. */
import { kwargs, spawn } from 'isthmus'

await using py = await spawn(new URL('./statistics_of.py', import.meta.url))

const columns = {
  ramp: Float64Array.from({ length: 101 }, (_, i) => i),
  spike: Float64Array.from({ length: 101 }, (_, i) => (i === 50 ? 1000 : i % 10)),
}
for (const [name, column] of Object.entries(columns)) {
  const { mean, p50 } = py.callSync('describe', column) as Record<string, number>
  const outliers = py.callSync('outliers', column, kwargs({ limit: 4 })) as number[]
  console.log(`${name}: mean ${mean!.toFixed(2)}, median ${p50}, outliers ${outliers}`)
}

// What call() rejects with, callSync() throws.
try {
  py.callSync('describe', 'text')
} catch (error) {
  console.log((error as { code?: string }).code)
}
try {
  py.with({ timeout: 50 }).callSync('outliers', columns.ramp, kwargs({ limits: 4 }))
} catch (error) {
  console.log((error as { code?: string }).code)
}
