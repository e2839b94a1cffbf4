// Tensors that nobody disposes of, and tensors that outlive their worker. (DESIGN 3.4, 3.5)
import { type Bridge, Tensor } from 'isthmus'
import t from 'tap'
import {
  basics,
  bridgeFor,
  call,
  type Doubles,
  hammer,
  isRamp,
  settled,
} from '../fixtures/bridges.js'
import { gone } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'

const source = {
  source: `${basics}
kept = None

def keep(a):
    global kept
    kept = a

def drop():
    global kept
    kept = None
`,
}
const length = 131_072 // 1 MiB of float64

for (const touched of [true, false]) {
  const kind = touched ? 'whose data was looked at' : 'whose data was never looked at'
  t.test(`tensors that are dropped, ${kind}, are collected and their leases returned`, async t => {
    const py = await bridgeFor(t, source)
    await (async () => {
      for (let time = 0; time < 20; time++) {
        const own = py.tensor('float64', [length])
        const result = await call<Doubles>(py, 'same', own)
        const other = await call<Doubles>(py, 'ramp', time, length)
        if (touched) t.equal(other.data[0]! + own.data[0]! + result.data[0]!, time)
      }
    })()
    await settled(
      py,
      'nothing is held',
      stats =>
        stats.views === 0 &&
        stats.leases === 0 &&
        stats.ownBlocks === 0 &&
        stats.ownBytes === 0 &&
        stats.borrowedBlocks === 0,
    )
    t.equal(py.stats().copiedBytes, 0)
  })

  t.test(
    `10,000 results of 1 MiB ${kind} are dropped: shared memory stays within its limit`,
    async t => {
      const py = await bridgeFor(t, source, { memory: '512MiB' })
      let most = 0
      // In a frame of its own: the last result would stay in a register of this one.
      await (async () => {
        for (let time = 0; time < 10_000; time++) {
          const result = (await py.call('ramp', time, length)) as Doubles
          if (touched && result.data[7] !== time + 7) throw new Error(`result ${time} is wrong`)
          most = Math.max(most, py.stats().physicalBytes)
        }
      })()
      const { limitBytes } = py.stats()
      t.ok(most <= limitBytes, `${most} of ${limitBytes} bytes existed at once`)
      t.equal(py.stats().copiedBytes, 0, 'and Python never had to fall back to ordinary memory')
      await settled(py, 'nothing is held', stats => stats.views === 0 && stats.borrowedBlocks === 0)
    },
  )
}

t.test('Python keeps what Node has dropped, and the other way round', async t => {
  const py = await bridgeFor(t, source)
  await (async () => {
    const own = py.tensor('float64', [length])
    own.data.fill(2)
    await call(py, 'keep', own)
  })()
  await settled(py, 'Python alone holds it', stats => stats.views === 0 && stats.leases === 1)
  t.equal(py.stats().ownBlocks, 1)
  await hammer(py, length)
  await call(py, 'drop')
  await settled(py, 'nobody holds it', stats => stats.leases === 0 && stats.ownBlocks === 0)
})

t.test(
  'a result that is passed on without being looked at never becomes an ArrayBuffer',
  async t => {
    const py = await bridgeFor(t, source)
    const result = await call<Doubles>(py, 'ramp', 0, length)
    t.equal(await call(py, 'total', result), (length * (length - 1)) / 2)
    t.ok((await call(py, 'same', result)) instanceof Tensor)
    t.equal(py.stats().views, 0)
    t.equal(result.at(1), 1)
    t.equal(py.stats().views, 1)
  },
)

/** A tensor that was looked at, one that was not, a strided one, and one of Node's own. */
async function four(py: Bridge) {
  const touched = await call<Doubles>(py, 'ramp', 1, length)
  t.equal(touched.data[0], 1)
  const untouched = await call<Doubles>(py, 'ramp', 2, length)
  const rows = (await call<Doubles>(py, 'ramp', 3, length)).reshape([2, -1]).subarray(1)
  const own = py.tensor('float64', [length])
  own.data.forEach((_, at, data) => {
    data[at] = 4 + at
  })
  return { touched, untouched, rows, own }
}

function checkFour(
  t: Tap.Test,
  { touched, untouched, rows, own }: Awaited<ReturnType<typeof four>>,
) {
  t.ok(isRamp(touched.data, 1, length))
  t.ok(isRamp(untouched.data, 2, length))
  t.ok(isRamp(rows.data, 3 + length / 2, length / 2))
  t.ok(isRamp(own.data, 4, length))
  t.equal(own.at(3), 7)
  for (const tensor of [touched, untouched, rows, own]) tensor.dispose()
}

declare namespace Tap {
  type Test = Pick<typeof t, 'ok' | 'equal'>
}

t.test('tensors are readable after close(), looked at before or not', async t => {
  const py = await bridgeFor(t, source)
  const tensors = await four(py)
  await within('close', py.close())
  globalThis.gc!()
  checkFour(t, tensors)
  t.throws(() => py.tensor('float64', [1]), { code: 'ERR_CLOSED' })
})

t.test('tensors are readable after the worker was killed, looked at before or not', async t => {
  const py = await bridgeFor(t, source)
  const tensors = await four(py)
  const exited = new Promise(resolve => py.once('exit', resolve))
  process.kill(py.pid, 'SIGKILL')
  await within('exit', exited)
  await gone(py.pid)
  globalThis.gc!()
  t.equal(py.stats().leases, 0)
  checkFour(t, tensors)
})

t.test('tensors are readable after the bridge itself was collected', async t => {
  const tensors = await (async () => {
    const py = await bridgeFor({ teardown: () => {} }, source)
    const tensors = await four(py)
    await within('close', py.close())
    return tensors
  })()
  for (let time = 0; time < 3; time++) {
    globalThis.gc!()
    await new Promise(resolve => setImmediate(resolve))
  }
  checkFour(t, tensors)
})
