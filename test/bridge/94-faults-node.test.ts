// Node ends in the middle of calls, streams, callbacks, callSync, maps, starts and closes: the exit code is right, every
// worker is gone. See also 72-node-exits and 62-worker-threads.
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { bridgeFor, call } from '../fixtures/bridges.js'
import { full, startProgram } from '../fixtures/faults.js'
import { gone } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'

const script = new URL('../fixtures/misbehaving.py', import.meta.url)

const ends: readonly [how: string, code: number | null, signal: string | null][] = [
  ['exit', 7, null],
  ['signal', null, 'SIGTERM'],
  ['throw', 1, null],
  ['signal', null, 'SIGKILL'],
  ['reject', 1, null],
  ['abort', null, 'SIGABRT'],
  ['signal', null, 'SIGINT'],
]
const middles = ['call', 'stream', 'callback', 'callSync', 'map', 'import', 'close']
/** All of them, or so few that every end and every middle has its turn. */
const chosen = (at: number) =>
  full ? ends : ends.filter((_, end) => end === at || end === (at + 3) % ends.length)

for (const [at, what] of middles.entries())
  t.test(`Node ends in the middle of ${what}`, async t => {
    for (const [how, code, signal] of chosen(at)) {
      const program = startProgram(t, 'node-faults', ['middle', `${what} ${how}`])
      const pids = (await program.line('pids')).split(' ').map(Number)
      await program.line('ending')
      if (how === 'signal') program.child.kill(signal as NodeJS.Signals)
      t.same(await program.ended, { code, signal }, `${how} ${signal ?? ''}: ${program.errors()}`)
      for (const pid of pids) await gone(pid)
    }
  })

t.test(
  'a worker thread is terminated in the middle: its Python processes go, the process goes on',
  async t => {
    const neighbour = await bridgeFor(t, script)
    for (const what of middles) {
      const thread = new Worker(new URL('../fixtures/thread-faults.js', import.meta.url), {
        workerData: { what },
      })
      const pids = await within(
        `${what} is under way`,
        new Promise<number[]>((resolve, reject) => {
          thread.once('message', resolve)
          thread.once('error', reject)
        }),
      )
      await within('terminate', thread.terminate())
      for (const pid of pids) await gone(pid)
      t.equal(await call(neighbour, 'echo', what), what)
    }
  },
)
