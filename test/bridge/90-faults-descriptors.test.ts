// Descriptors run out: in Node at every step of a start, in the worker when it is told of another one's arena.
// (DESIGN 4: a typed error, nothing is left, whoever can goes on)
import type { Tensor } from 'isthmus'
import t from 'tap'
import { isRamp } from '../fixtures/bridges.js'
import { startProgram } from '../fixtures/faults.js'
import { keyFor, pidsOf, poolFor } from '../fixtures/pools.js'
import { within } from '../fixtures/watchdog.js'

const script = new URL('../fixtures/misbehaving.py', import.meta.url)
const few = ['sh', '-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath]
const length = 100_000

for (const [mode, least] of [
  ['spawn', 10],
  ['pool', 15],
] as const)
  t.test(
    `${mode}() with k free descriptors, k = 0, 1, 2 … until it works: each failure is typed, nothing is left`,
    async t => {
      const program = startProgram(t, 'few-descriptors', [mode], { node: few })
      t.same(await program.ended, { code: 0, signal: null }, program.errors())
      const rounds = program.lines.map(line => JSON.parse(line))
      t.ok(rounds.length > least, `it took ${rounds.length - 1} descriptors`)
      for (const [at, round] of rounds.slice(0, -1).entries()) {
        t.match(round, { free: at, code: 'ERR_SYSTEM', left: undefined })
        t.match(round.message, /EMFILE|Too many open files/)
        t.match(round.message, 'raise `ulimit -n`')
      }
      t.same(rounds.at(-1), { free: rounds.length - 1, answer: 2 * (rounds.length - 1) })
    },
  )

t.test(
  'a restart without descriptors fails, is tried again, and works once there are some',
  async t => {
    const program = startProgram(t, 'restart-without-descriptors', [], { node: few })
    t.same(await program.ended, { code: 0, signal: null }, program.errors())
    t.match(await program.line('error'), /^ERR_SYSTEM .*raise `ulimit -n`/)
    t.equal(await program.line('answer'), '4')
    t.equal(await program.line('left'), 'nothing')
  },
)

t.test("Node without a free descriptor tells a worker of another one's arena", async t => {
  const program = startProgram(t, 'few-descriptors', ['announce'], { node: few })
  t.same(await program.ended, { code: 0, signal: null }, program.errors())
  t.equal(await program.line('totals'), '[ 100000, 100000 ] [ 100000, 100000 ]')
})

t.test(
  'a worker without a free descriptor takes the arena of another one all the same',
  async t => {
    const py = await poolFor(t, { workers: 3, restart: false }, script)
    const keys = await Promise.all([0, 1, 2].map(place => keyFor(py, place)))
    const [first, second, third] = keys.map(affinity => py.with({ affinity }))
    const made = (await first!.call('ramp', 3, length)) as Tensor<'float64'>
    const other = (await third!.call('ramp', 5, length)) as Tensor<'float64'>
    await second!.call('fill_descriptors')
    const sum = (start: number) => start * length + (length * (length - 1)) / 2
    t.equal(await second!.call('total', made), sum(3))
    t.equal(await second!.call('total', other), sum(5), 'and of a third one')
    t.equal(await second!.call('fork_and_wait', made), 0, 'and can fork')
    t.equal(await second!.call('free_descriptors'), await third!.call('free_descriptors'))
    t.equal(await second!.call('total', made), sum(3))
    t.ok(isRamp(made.data, 3, length))
  },
)

t.test(
  'a worker without address space for the arena of another one: that call fails, no other',
  async t => {
    const py = await poolFor(t, { restart: false }, script)
    const keys = await Promise.all([0, 1].map(place => keyFor(py, place)))
    const [first, second] = keys.map(affinity => py.with({ affinity }))
    const pids = pidsOf(py)
    const made = (await first!.call('ramp', 3, length)) as Tensor<'float64'>
    const own = py.tensor('float64', [length])
    await second!.call('limit_address_space', 2 ** 26)
    const beside = [second!.call('total', own), second!.call('total', made), second!.call('pid')]
    const outcomes = await within('the calls', Promise.allSettled(beside), () => py.stats())
    t.match(outcomes, [
      { status: 'fulfilled', value: 0 },
      { status: 'rejected', reason: { name: 'SystemError', code: 'ERR_SYSTEM' } },
      { status: 'fulfilled', value: pids[1] },
    ])
    t.match((outcomes[1] as PromiseRejectedResult).reason.message, 'ulimit -v')
    await t.rejects(second!.call('total', made), { code: 'ERR_SYSTEM' })
    await second!.call('lift_address_space')
    t.equal(await second!.call('total', made), 3 * length + (length * (length - 1)) / 2, 'later')
    made.dispose()
    own.dispose()
    await py.broadcast('nothing')
    t.match(py.stats(), { leases: 0, ownBlocks: 0, borrowedBlocks: 0 }, 'nothing is held')
  },
)
