// Node ends, by itself or by force: with the right exit code, and no Python process is left. (DESIGN 4)
import t from 'tap'
import { gone, isAlive, runProgram, stateOf } from '../fixtures/processes.js'
import { until } from '../fixtures/watchdog.js'

const start = (...args: string[]) => runProgram('node-exits', args)

async function endsBy(
  t: Pick<typeof import('tap').t, 'same' | 'equal'>,
  program: ReturnType<typeof start>,
  code: number | null,
  signal: string | null = null,
) {
  const pid = Number(await program.line('pid'))
  t.same(await program.ended, { code, signal }, program.errors())
  await gone(pid)
}

t.test('an idle bridge does not keep Node alive; the exit code is 0', async t => {
  await endsBy(t, start('idle'), 0)
  await endsBy(t, start('idle-with-tensors'), 0)
  await endsBy(t, start('closed'), 0)
})

t.test('a pending call keeps Node alive until it is answered', async t => {
  for (const mode of ['pending', 'pending-unawaited']) {
    const program = start(mode)
    await endsBy(t, program, 0)
    t.equal(await program.line('answer'), 'answered')
  }
})

t.test('an item that waits behind batches that were given up keeps Node alive', async t => {
  const program = start('item-behind-abandoned')
  await endsBy(t, program, 0)
  t.equal(await program.line('answer'), 'answered')
})

t.test('process.exit() in the middle of a call: its code, and the worker is gone', async t => {
  await endsBy(t, start('exit'), 7)
  await endsBy(t, start('exit-at-once'), 8)
})

t.test(
  'an uncaught exception in the middle of a call: exit code 1, and the worker is gone',
  async t => {
    const program = start('throw')
    await endsBy(t, program, 1)
    t.match(program.errors(), 'Error: uncaught')
  },
)

for (const what of ['sleep', 'loop', 'numpy_loop', 'one_long_c_call'])
  for (const signal of ['SIGKILL', 'SIGTERM'] as const)
    t.test(`${signal} to Node while Python is in ${what}: the worker is gone soon`, async t => {
      const program = start('busy', what)
      const pid = Number(await program.line('pid'))
      await program.line('busy')
      // It is in the call: asleep in it, or computing.
      await until(
        'Python is in the call',
        () => stateOf(pid) === (what === 'sleep' ? 'S' : 'R'),
        () => stateOf(pid),
      )
      program.child.kill(signal)
      t.same(await program.ended, { code: null, signal })
      await gone(pid)
    })

t.test("Ctrl-C in a terminal: Node decides, and the worker's calls go on", async t => {
  const program = runProgram('node-exits', ['interrupted'], { detached: true })
  const pid = Number(await program.line('pid'))
  await program.line('ready')
  process.kill(-program.child.pid!, 'SIGINT') // as a terminal does: to the whole group
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.equal(await program.line('answer'), 'answered')
  t.equal(await program.line('running'), 'answered', 'the call that was interrupted in time.sleep')
  t.notMatch(program.errors(), 'KeyboardInterrupt')
  await gone(pid)
})

t.test('Ctrl-C where Node does not handle it: both end', async t => {
  const program = runProgram('node-exits', ['busy', 'loop'], { detached: true })
  const pid = Number(await program.line('pid'))
  await program.line('busy')
  process.kill(-program.child.pid!, 'SIGINT')
  t.same(await program.ended, { code: null, signal: 'SIGINT' })
  await gone(pid)
  t.notOk(isAlive(pid))
})
