// Memory runs out, on either side: by rlimits, and by the limit of a control group. (DESIGN 3.1, 4)
import type { Tensor, WorkerExitedError } from 'isthmus'
import { type Bridge, spawn } from 'isthmus'
import t from 'tap'
import { bridgeFor, call, isRamp } from '../fixtures/bridges.js'
import { cgroupFor } from '../fixtures/cgroups.js'
import { full, startProgram } from '../fixtures/faults.js'
import { gone } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'

const script = new URL('../fixtures/misbehaving.py', import.meta.url)
const MiB = 2 ** 20

/** What crosses, and needs memory of its own in Python. */
const large: readonly [what: string, work: (py: Bridge) => Promise<unknown>][] = [
  ['a long result', py => py.call('text', 50 * MiB)],
  ['a long argument', py => py.call('length_of', 'x'.repeat(50 * MiB))],
  ['a list of many', py => py.call('length_of', new Array(2 * MiB).fill(7))],
  ['an array that is copied in', py => py.call('total', new Float64Array(2 * MiB))],
  ['a result in shared memory', py => py.call('ramp', 0, 2 * MiB)],
]

/** Python says MemoryError; or the worker's own part of the bridge cannot go on, and says why. */
function isClear(what: string, error: Error & { code?: string; type?: string }): boolean {
  // msgspec 0.22 crashes when it gets no memory for what it encodes.
  if (what === 'a long result' && (error as WorkerExitedError).signal === 'SIGSEGV') return true
  if (error.code === 'ERR_PYTHON') return error.type === 'MemoryError'
  if (error.code === 'ERR_SYSTEM') return /Cannot allocate memory/.test(error.message)
  return (
    error.code === 'ERR_WORKER_EXITED' &&
    (error as WorkerExitedError).exitCode === 1 &&
    /MemoryError|Cannot allocate memory/.test(error.message)
  )
}

for (const more of full ? [0, 10, 20, 40, 60, 80, 100, 110, 120, 130, 150, 170, 200] : [0, 60, 110])
  t.test(
    `ulimit -v of the worker, ${more} MiB above what it has: every outcome is a result or says that memory ran out`,
    async t => {
      const neighbour = await bridgeFor(t, script)
      for (const [what, work] of large) {
        const py = await spawn(script, { stdout: 'events', stderr: 'events', memory: '512MiB' })
        await py.call('limit_address_space', more * MiB)
        const outcome = await within(what, Promise.allSettled([work(py)]), () => py.stats())
        const [{ status, reason }] = outcome as [PromiseRejectedResult]
        t.ok(
          status === ('fulfilled' as string) || isClear(what, reason),
          `${what}: ${reason?.message}`,
        )
        await within('close', py.close())
        await gone(py.pid)
      }
      t.equal(await call(neighbour, 'echo', 1), 1)
    },
  )

t.test(
  'a message for which there is no memory: MemoryError in Python, and the worker goes on',
  async t => {
    const py = await bridgeFor(t, script, { memory: '512MiB' })
    t.equal(await py.call('send_without_memory', 100 * MiB), 'MemoryError')
    t.equal(await py.call('echo', 'still there'), 'still there')
    const made = (await py.call('ramp', 1, 2 * MiB)) as Tensor<'float64'>
    t.ok(isRamp(made.data, 1, 2 * MiB), 'shared memory has its address space already')
  },
)

t.test('an argument for which Python has no memory: its call fails, and no other', async t => {
  const py = await bridgeFor(t, script, { memory: '512MiB' })
  await py.call('limit_address_space', 70 * MiB)
  const calls = [py.call('length_of', 'x'.repeat(50 * MiB)), py.call('echo', 'behind it')]
  const [failed, behind] = await within('the calls', Promise.allSettled(calls))
  t.match(failed, { status: 'rejected', reason: { code: 'ERR_PYTHON', type: 'MemoryError' } })
  t.match(behind, { status: 'fulfilled', value: 'behind it' })
})

t.test('ulimit -f of the worker: shared memory is not concerned', async t => {
  const py = await bridgeFor(t, script)
  await py.call('limit_file_size', 1000)
  const made = (await py.call('ramp', 1, MiB)) as Tensor<'float64'>
  t.ok(isRamp(made.data, 1, MiB))
  made.dispose()
  t.equal(((await py.call('text', MiB)) as string).length, MiB)
  t.equal(await py.call('total', new Float64Array(MiB)), 0)
})

for (const [limit, value] of [
  ['-f', 200_000],
  ['-v', 40_000_000],
] as const)
  t.test(
    `ulimit ${limit} of Node, and so of the worker: a smaller arena, and everything works in it`,
    async t => {
      const shell = ['sh', '-c', `ulimit ${limit} ${value}; exec "$0" "$@"`, process.execPath]
      const program = startProgram(t, 'little-memory', [], { node: shell })
      t.same(await program.ended, { code: 0, signal: null }, program.errors())
      t.equal(await program.line('small'), '499500')
      t.match(await program.line('large'), /^ERR_(ARENA_FULL|SHAPE|SYSTEM) /)
      t.equal(await program.line('after'), '499500')
      t.equal(await program.line('segments'), '0')
    },
  )

t.test('ulimit -f that is too low for a channel: the error names it', async t => {
  const shell = ['sh', '-c', 'ulimit -f 100; exec "$0" "$@"', process.execPath]
  const program = startProgram(t, 'little-memory', [], { node: shell })
  t.match(await program.ended, { code: 1 })
  t.match(program.errors(), /SystemError: .*File too large.*raise `ulimit -f`/)
})

t.test(
  'the memory limit of a control group: the worker is killed in the middle, the error says so',
  async t => {
    const group = cgroupFor(
      t,
      'memory',
      { 'memory.limit_in_bytes': String(80 * MiB) },
      { 'memory.max': String(80 * MiB), 'memory.swap.max': '0' },
    )
    if (group instanceof Error) return t.comment(`SKIPPED: ${group.message}`)
    const neighbour = await bridgeFor(t, script)
    const py = await bridgeFor(t, script, { memory: '1GiB', restart: { delay: 1 } })
    const { pid } = py
    const kept = (await py.call('ramp', 3, 100_000)) as Tensor<'float64'>
    await py.call('join_cgroup', group)
    const calls = [py.call('touch', 400 * MiB), py.call('nothing')]
    const outcomes = await within('the calls end', Promise.allSettled(calls), () => py.stats())
    for (const outcome of outcomes)
      t.match(outcome, {
        status: 'rejected',
        reason: { code: 'ERR_WORKER_EXITED', exitCode: null, signal: 'SIGKILL' },
      })
    t.match((outcomes[0] as PromiseRejectedResult).reason.message, 'because memory ran out')
    await gone(pid)
    t.ok(isRamp(kept.data, 3, 100_000), 'what it delivered stays')
    t.equal(await call(neighbour, 'echo', 1), 1)
    t.equal(await call(py, 'echo', 2), 2, 'the next one works')
  },
)

t.test('a CPU quota of less than two: no polling, whatever the number of CPUs', async t => {
  const quota = (cpus: number) =>
    cgroupFor(
      t,
      'cpu',
      { 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': String(cpus * 100_000) },
      { 'cpu.max': `${cpus * 100_000} 100000` },
    )
  for (const [cpus, counted] of [
    [0.5, 1],
    [1, 1],
    [1.5, 1],
  ] as const) {
    const group = quota(cpus)
    if (group instanceof Error) return t.comment(`SKIPPED: ${group.message}`)
    const shell = ['sh', '-c', 'echo $$ > "$1/cgroup.procs"; shift; exec "$0" "$@"']
    const program = startProgram(t, 'quota', [], { node: [...shell, process.execPath, group] })
    t.same(await program.ended, { code: 0, signal: null }, program.errors())
    t.equal(await program.line('cpus'), String(counted), `${cpus} CPUs`)
    t.equal(await program.line('spin'), '0')
    t.equal(await program.line('answer'), '1000')
  }
})
