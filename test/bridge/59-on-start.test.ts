// @isthmus.on_start: what runs after the import and before the first call; spawn() waits for it.
import { type StartHookError, spawn } from 'isthmus'
import t from 'tap'
import { gatesOf } from '../fixtures/gates.js'
import { gone } from '../fixtures/processes.js'
import { until, within } from '../fixtures/watchdog.js'
import { rejection, spawned } from './spawned.js'

const gate = gatesOf(t)
const quiet = { stdout: 'events', stderr: 'events' } as const

/** The worker prints its process id first: it is the only trace of one that did not start. */
const failing = (body: string) => ({
  source: `
import asyncio
import os
import sys
import time

import isthmus

with open(os.environ["PID_FILE"], "w") as file:
    file.write(str(os.getpid()))

${body}

def echo(value):
    return value
`,
})

async function fails(body: string, options: object = {}) {
  const { readFileSync } = await import('node:fs')
  const { path } = gate()
  const error = await rejection<StartHookError>(
    within('spawn', spawn(failing(body), { ...quiet, env: { PID_FILE: path }, ...options })),
  )
  await gone(Number(readFileSync(path, 'utf8')))
  return error
}

t.test('hooks run in order, after the import and before the first call', async t => {
  for (const threads of [1, 2]) {
    const py = await spawned(
      t,
      {
        source: `
import asyncio
import isthmus

seen = ["import"]

@isthmus.on_start
def first():
    seen.append("first")
    seen.append(later())

@isthmus.on_start
async def second():
    await asyncio.sleep(0.01)
    seen.append("second")

@isthmus.on_start
def third():
    seen.append("third")

def later():
    return "all of the module is there"

def what():
    return seen
`,
      },
      { threads },
    )
    t.strictSame(await py.call('what'), [
      'import',
      'first',
      'all of the module is there',
      'second',
      'third',
    ])
    await py.close()
  }
})

t.test('spawn() waits for it, however long it takes', async t => {
  const [started, end] = [gate(), gate()]
  const source = `
import os, time
import isthmus

@isthmus.on_start
def load():
    open(${JSON.stringify(started.path)}, "w").close()
    while not os.path.exists(${JSON.stringify(end.path)}):
        time.sleep(0.001)
`
  let ready = false
  const spawning = spawn({ source }, quiet).then(py => {
    ready = true
    return py
  })
  await started.opened()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(ready, false)
  end.open()
  const py = await within('spawn', spawning)
  await within('close', py.close())
})

t.test('a task that a hook starts goes on, in the loop of the calls', async t => {
  const py = await spawned(t, {
    source: `
import asyncio
import isthmus

beats = 0

@isthmus.on_start
async def begin():
    global task
    async def beat():
        global beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)
    task = asyncio.create_task(beat())

async def count():
    return beats
`,
  })
  await until('it beats', async () => ((await py.call('count')) as number) > 5)
  t.pass()
})

t.test('arrays that a hook makes do not take shared memory, and are there', async t => {
  const py = await spawned(t, {
    source: `
import numpy as np
import isthmus

@isthmus.on_start
def load():
    global weights
    weights = np.ones(1_000_000)

def total():
    return float(weights.sum())
`,
  })
  t.equal(await py.call('total'), 1_000_000)
})

t.test('it may be called like any function; the decorator gives it back as it is', async t => {
  const py = await spawned(t, {
    source: `
import isthmus

count = 0

@isthmus.on_start
def load(by=1):
    global count
    count += by
    return count
`,
  })
  t.equal(await py.call('load', 5), 6)
})

t.test('what is logged and printed in a hook is heard', async t => {
  const py = await spawn(
    {
      source: `
import logging
import isthmus

@isthmus.on_start
def load():
    print("loading")
    logging.warning("loaded")
`,
    },
    quiet,
  )
  t.teardown(() => py.close())
  const heard: string[] = []
  py.on('stdout', line => heard.push(line))
  py.on('log', ({ message }) => heard.push(message))
  await until('both', () => heard.length === 2)
  t.strictSame(heard.sort(), ['loaded', 'loading'])
})

t.test(
  'a hook that fails: StartHookError with its name and traceback; the process is gone',
  async t => {
    const error = await fails(`
@isthmus.on_start
def load_model():
    try:
        {}["weights"]
    except KeyError as error:
        raise ValueError("no weights") from error

@isthmus.on_start
def never():
    os._exit(9)
`)
    t.match(error, {
      name: 'StartHookError',
      code: 'ERR_ON_START',
      hook: 'load_model',
      message: /load_model\(\).*ValueError: no weights/,
    })
    t.match(error.traceback, /in load_model[\s\S]*no weights/)
    t.match(error.stack, /in Python: /)
  },
)

t.test('an async hook that fails; a hook with a mistake in it', async t => {
  t.match(
    await fails(`
@isthmus.on_start
async def connect():
    await asyncio.sleep(0)
    raise ConnectionError("refused")
`),
    { code: 'ERR_ON_START', hook: 'connect', message: /ConnectionError: refused/ },
  )
  t.match(
    await fails(`
@isthmus.on_start
def needs(argument):
    pass
`),
    { code: 'ERR_ON_START', hook: 'needs', message: /TypeError/ },
  )
})

t.test('a decorator that is used wrongly fails the import', async t => {
  t.match(
    await fails(`
@isthmus.on_start()
def load():
    pass
`),
    { code: 'ERR_IMPORT' },
  )
})

t.test('a hook that ends the process: the exit code is told', async t => {
  const exited = await fails(`
@isthmus.on_start
def load():
    sys.exit(4)
`)
  t.match(exited, { code: 'ERR_WORKER_EXITED', exitCode: 4 })
  const killed = await fails(`
@isthmus.on_start
def load():
    os.kill(os.getpid(), 9)
`)
  t.match(killed, { code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' })
})

t.test('a hook that takes too long: startTimeout, and the process is gone', async t => {
  for (const body of [
    `
@isthmus.on_start
def load():
    time.sleep(3600)
`,
    `
@isthmus.on_start
def load():
    while True:
        pass
`,
    `
@isthmus.on_start
async def load():
    await asyncio.sleep(3600)
`,
  ])
    t.match(await fails(body, { startTimeout: 1500 }), { code: 'ERR_START_TIMEOUT', timeout: 1500 })
})
