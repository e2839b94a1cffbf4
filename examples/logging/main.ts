/** What Python logs and prints, as events; and a model that is loaded before the first call. */
import { spawn } from 'isthmus'

await using py = await spawn(new URL('./service.py', import.meta.url), {
  stdout: 'events', // not passed through
  stderr: 'events',
})

py.on('log', ({ levelName, logger, message, line, exception }) => {
  const place = line > 0 ? 'with a line' : 'without a line'
  console.log(`${levelName} ${logger}: ${message} (${place})`)
  if (exception !== undefined) console.log(`  ${exception.trimEnd().split('\n').at(-1)}`)
})
py.on('stdout', line => console.log(`stdout: ${line}`))

for (const values of [[1, 2, 3], [1], ['one', 2, 3]]) {
  const result = await py.call('predict', values)
  console.log(`result: ${(result as number).toFixed(2)}`)
}

// A module whose on_start function fails does not start.
const source = `
import isthmus
@isthmus.on_start
def load():
    raise FileNotFoundError("no such model: large.bin")
`
await spawn({ source }).catch((error: { code?: string; hook?: string }) => {
  console.log(`${error.code} in ${error.hook}()`)
})
