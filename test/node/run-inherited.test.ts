import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'

const step = new URL('../../../../scripts/step.mjs', import.meta.url).href

t.test('what npm starts: SIGTERM ends the program, and its exit code is ours', async t => {
  const ends =
    "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('ready')"
  const starts = `
    import { runInherited } from ${JSON.stringify(step)}
    process.exitCode = await runInherited(process.execPath, ['-e', ${JSON.stringify(ends)}])`
  const child = spawn(process.execPath, ['--input-type=module', '-e', starts], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  t.same(await ended, [7, null])
})
