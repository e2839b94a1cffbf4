/** Four ways to end work in Python before it is done. */
import { type AbortError, spawn, TimeoutError } from 'isthmus'

await using py = await spawn(new URL('./fit.py', import.meta.url))

// 1. A timeout. The function knows nothing of it, and is interrupted.
try {
  await py.with({ timeout: 100 }).call('forever')
} catch (error) {
  if (!(error instanceof TimeoutError)) throw error
  console.log(`${error.code} after ${error.timeout} ms`)
}
console.log('and the worker serves on:', await py.call('what_was'))

// 2. A signal, while progress is shown. The function looks at context().cancelled and ends by itself.
const controller = new AbortController()
const seen: string[] = []
const onProgress = (fraction: number, text: string | undefined) => {
  seen.push(`${text} (${fraction * 100} %)`)
  if (fraction >= 0.002) controller.abort(new Error('good enough'))
}
const fit = py.with({ signal: controller.signal, onProgress }).call('fit', 1000, 0.01)
await fit.catch(({ code, cause }: AbortError) => {
  console.log(`${code} because of: ${(cause as Error).message}`)
})
console.log(`progress: ${seen.slice(0, 2).join(', ')}`)
const { rounds, cancelled } = (await py.call('what_was')) as { rounds: number; cancelled: boolean }
console.log(`it ended before round 1000: ${rounds < 1000}; it knew why: ${cancelled}`)

// 3. A deadline that the function looks at: a result instead of an error.
const done = await py.with({ timeout: 3000 }).call('as_good_as_possible', 0.1)
console.log(`rounds in two of three seconds: ${(done as number) > 5 ? 'enough' : done}`)

// 4. A signal that is aborted already: nothing is sent.
const { calls } = py.stats()
await py
  .with({ signal: controller.signal })
  .call('fit', 1000, 0.01)
  .catch((error: AbortError) => console.log(`${error.code}, sent ${py.stats().calls - calls}`))
