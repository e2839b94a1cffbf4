// watch: changed source starts a new worker, which replaces the old one when it is ready.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pool, type Restart, spawn } from 'isthmus'
import t from 'tap'
import type { Test } from '../fixtures/bridges.js'
import { folderFor, gateFor, next } from '../fixtures/pools.js'
import { gone } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'
import { python } from './spawned.js'

const source = (version: number, end = '') => `
import os
import time
import part

def version():
    return ${version} + part.more

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.002)
    return ${version}
${end}
`

function project(t: Test) {
  const folder = folderFor(t)
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write('model.py', source(1))
  write('part.py', 'more = 0\n')
  return { model: join(folder, 'model.py'), write }
}

const quiet = { python, stdout: 'events', stderr: 'events', watch: true } as const

t.test('a bridge: the script is changed, and so is a module beside it', async t => {
  const { model, write } = project(t)
  const py = await within('spawn', spawn(model, quiet))
  t.teardown(() => py.close())
  const { pid } = py
  t.equal(await py.call('version'), 1)
  let restarted = next<Restart>(py, 'restart')
  write('model.py', source(2))
  t.match(await restarted, { reason: 'watch', pid: py.pid, worker: 0 })
  t.equal(await within('a call', py.call('version')), 2)
  await gone(pid)
  restarted = next<Restart>(py, 'restart')
  write('part.py', 'more = 10\n')
  await restarted
  t.equal(await within('a call', py.call('version')), 12)
})

t.test(
  'change after change, of the same length, in the same second: the last one counts',
  async t => {
    const { model, write } = project(t)
    const py = await within('spawn', spawn(model, quiet))
    t.teardown(() => py.close())
    for (let version = 2; version <= 9; version++) write('model.py', source(version))
    await until(
      'the last one is there',
      async () => (await py.call('version')) === 9,
      () => py.stats(),
    )
    write('model.py', source(1))
    await until(
      'the next one is there',
      async () => (await py.call('version')) === 1,
      () => py.stats(),
    )
    t.pass()
  },
)

t.test('a call that runs is finished by the old worker, which ends then', async t => {
  const { model, write } = project(t)
  const gate = gateFor(t)
  const py = await within('spawn', spawn(model, quiet))
  t.teardown(() => py.close())
  const { pid } = py
  const held = py.call('wait_for', gate.path)
  const restarted = next<Restart>(py, 'restart')
  write('model.py', source(2))
  await restarted
  t.equal(await within('a call', py.call('version')), 2, 'beside it')
  gate.open()
  t.equal(await within('the old call', held), 1)
  await gone(pid)
})

t.test('a source that does not import is reported, and the old worker stays', async t => {
  const { model, write } = project(t)
  const py = await within('spawn', spawn(model, quiet))
  t.teardown(() => py.close())
  const { pid } = py
  const failed = next<Error>(py, 'error')
  write('model.py', source(2, 'raise RuntimeError("half done")'))
  t.match(await failed, { code: 'ERR_IMPORT', message: /half done/ })
  t.equal(await within('a call', py.call('version')), 1)
  t.equal(py.pid, pid)
  const restarted = next<Restart>(py, 'restart')
  write('model.py', source(3))
  await restarted
  t.equal(await within('a call', py.call('version')), 3)
})

t.test('a worker that has ended and stays down comes back when its source changes', async t => {
  const { model, write } = project(t)
  const py = await within('spawn', spawn(model, quiet))
  t.teardown(() => py.close())
  process.kill(py.pid, 'SIGKILL')
  await within('exit', new Promise(resolve => py.once('exit', resolve)))
  await t.rejects(within('a call', py.call('version')), { code: 'ERR_WORKER_EXITED' })
  const restarted = next<Restart>(py, 'restart')
  write('model.py', source(2))
  await restarted
  t.equal(await within('a call', py.call('version')), 2)
})

t.test('a pool: all workers are replaced, and no call is lost', async t => {
  const { model, write } = project(t)
  const py = await within('pool', pool(model, { ...quiet, workers: 2 }))
  t.teardown(() => py.close())
  let restarts = 0
  py.on('restart', () => restarts++)
  const versions = new Set<unknown>()
  write('model.py', source(2))
  await until(
    'both are replaced',
    async () => {
      for (const version of await Promise.all([py.call('version'), py.call('version')]))
        versions.add(version)
      return restarts === 2
    },
    () => py.stats(),
  )
  t.same(await py.broadcast('version'), [2, 2])
  t.same(
    [...versions].filter(version => version !== 1 && version !== 2),
    [],
  )
})

t.test('a pool: what the old worker still runs takes no place of the new one', async t => {
  const { model, write } = project(t)
  const gate = gateFor(t)
  const py = await within('pool', pool(model, { ...quiet, workers: 1 }))
  t.teardown(() => py.close({ force: true }))
  const running = py.call('wait_for', gate.path)
  const restarted = next<Restart>(py, 'restart')
  write('model.py', source(2))
  await restarted
  t.equal(await within('a call', py.call('version'), () => py.stats()), 2)
  gate.open()
  t.equal(await within('the call of the old worker', running), 1)
  t.equal(py.stats().workers[0]!.running, 0)
})
