// A worker that breaks the protocol: a typed error, a closed channel, and nobody harmed. (DESIGN 3.7, 4)
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type SpawnOptions, Tensor } from 'isthmus'
import t from 'tap'
import { basics, bridgeFor, call, type Doubles, isRamp, type Test } from '../fixtures/bridges.js'
import { descriptorsOf, gone } from '../fixtures/processes.js'
import { within } from '../fixtures/watchdog.js'
import { rejection } from './spawned.js'

const python = fileURLToPath(new URL('../fixtures/hostile-python', import.meta.url))

/** A bridge to a worker that answers calls with a lie of this kind. */
const hostile = (t: Test, lie: string, options: SpawnOptions = {}) =>
  bridgeFor(t, { source: '' }, { python, env: { HOSTILE: lie }, memory: '64MiB', ...options })

const lies = [
  'garbage',
  'empty record',
  'truncated',
  'no identifier',
  'length beyond the tail',
  'length of 4 GiB',
  'length that overflows',
  'tail beyond the ring',
  'tail that goes back',
  'tail off the grid',
  'a changed checksum',
  'padding in front',
  'kind 0',
  'kind 200',
  'no payload',
  'a free block of Node',
  "Node's block without a lease",
  'an unknown arena',
  'a block beyond the arena',
  'a block off the grid',
  'a block of no length',
  'elements beyond the block',
  'an offset beyond the block',
  'a negative offset',
  'a negative length',
  'a shape that overflows',
  'strides out of the block',
  'negative strides',
  'strides of other rank',
  '65 axes',
  'an unknown dtype',
  'a dtype of 3 bits',
  'dtype lanes',
  'one block, two lengths',
  'a lease not held returned',
  'a return of another arena',
  'a return of its own block',
  '2^32 - 1 leases returned',
  'a return of nothing',
  'a spill longer than its block',
  'a spill of negative length',
  'a spill of garbage',
  'a spill in a spill',
  'a doorbell that is shut down',
  'a Stream',
  'a Cancel',
  'a Goodbye',
]

t.test('the stand-in itself is understood: numbers and a tensor', async t => {
  const py = await hostile(t, 'none')
  t.equal(await call(py, 'f'), 42)
  await within('close', py.close())
  const other = await hostile(t, 'a good tensor')
  const tensor = await call<Doubles>(other, 'f')
  t.ok(tensor instanceof Tensor)
  t.same([...tensor.data], [0, 0, 0, 0, 0, 0, 0, 0])
  await within('close', other.close())
})

t.test(
  'a lie closes the channel with ERR_PROTOCOL, and harms neither Node nor another bridge',
  async t => {
    const honest = await bridgeFor(t, { source: basics })
    const kept = await call<Doubles>(honest, 'ramp', 5, 100_000)
    for (const lie of lies) {
      const py = await hostile(t, lie)
      const exit = new Promise(resolve => py.once('exit', resolve))
      const own = py.tensor('float64', [1000])
      own.data.fill(3)
      const calls = [py.call('f'), py.call('g')]
      const outcomes = await within(lie, Promise.allSettled(calls), () => py.stats())
      const codes = outcomes.map(outcome => outcome.status === 'rejected' && outcome.reason.code)
      t.same(codes, ['ERR_PROTOCOL', 'ERR_PROTOCOL'], lie)
      t.equal(py.closed, true, `${lie}: closed`)
      await t.rejects(py.call('f'), { code: /ERR_(PROTOCOL|CLOSED)/ }, `${lie}: no call follows`)
      await within(`${lie}: the exit event`, exit)
      t.ok(
        own.data.every(value => value === 3),
        `${lie}: Node's own tensors are readable`,
      )
      own.dispose()
      await within('close', py.close())
    }
    t.ok(isRamp(kept.data, 5, 100_000))
    t.equal(await call(honest, 'total', kept), 5 * 100_000 + (100_000 * 99_999) / 2)
  },
)

t.test('workers of two bridges have no segment in common', async t => {
  const segments = async () => {
    const { pid } = await bridgeFor(t, { source: basics })
    const links = [...descriptorsOf(pid)].filter(([, link]) => link.includes('memfd:isthmus'))
    return new Set(links.map(([descriptor]) => statSync(`/proc/${pid}/fd/${descriptor}`).ino))
  }
  const [one, other] = [await segments(), await segments()]
  t.same([one.size, other.size], [3, 3], 'rings, and an arena of either side')
  t.equal(new Set([...one, ...other]).size, 6)
})

t.test('a lie before the bridge is ready: spawn() rejects', async t => {
  await t.rejects(hostile(t, 'a lie in the first message'), { code: 'ERR_PROTOCOL' })
  await t.rejects(hostile(t, 'a lie in the answer to Hello'), { code: 'ERR_PROTOCOL' })
  await t.rejects(hostile(t, 'dead before the first message'), {
    code: 'ERR_WORKER_EXITED',
    exitCode: 3,
  })
})

t.test('a worker that does not end when it is hung up on is killed by close()', async t => {
  const py = await hostile(t, 'deaf')
  await t.rejects(call(py, 'f'), { code: 'ERR_PROTOCOL' })
  await within('close', py.close())
  await gone(py.pid)
})

for (const lie of ['payload of garbage', 'payload cut short', 'payload that names no tensor'])
  t.test(`${lie}: the call rejects with ERR_PROTOCOL`, async t => {
    const py = await hostile(t, lie)
    await t.rejects(call(py, 'f'), { code: 'ERR_PROTOCOL' })
    await within('close', py.close())
  })

t.test(
  'a head beyond the tail: every call rejects, those sent before it was noticed too',
  async t => {
    const py = await hostile(t, 'a head beyond the tail', { ringBytes: 4096 })
    t.equal(await call(py, 'f'), 42)
    const calls = Array.from({ length: 100 }, () => py.call('f'))
    const outcomes = await within('the calls', Promise.allSettled(calls), () => py.stats())
    for (const outcome of outcomes)
      t.match(outcome, { status: 'rejected', reason: { code: 'ERR_PROTOCOL' } })
    await within('close', py.close())
  },
)

t.test('a stream of more items than there was credit for ends with ERR_PROTOCOL', async t => {
  const honest = await hostile(t, '8')
  const stream = honest.stream('f')
  for (let item = 0; item < 8; item++) t.equal((await within('an item', stream.next())).value, 42)
  await within('close', honest.close())
  const py = await hostile(t, '9')
  const read: unknown[] = []
  const beyond = py.stream('f')
  t.equal(await call(py, 'f'), 42, 'its answer came after the items, which nobody had read')
  const reading = (async () => {
    for await (const item of beyond) read.push(item)
  })()
  await t.rejects(within('the end', reading), { code: 'ERR_PROTOCOL' })
  t.same(read, Array(8).fill(42))
  await within('close', py.close())
})

t.test('answers that nobody waits for are let go', async t => {
  for (const lie of ['answers to nobody', 'two answers']) {
    const py = await hostile(t, lie)
    t.equal(await call(py, 'f'), 42)
    t.equal(await call(py, 'f'), 42)
    await within('close', py.close())
  }
})

t.test(
  'a worker that fills the doorbells and makes writes to them block cannot block Node',
  async t => {
    const py = await hostile(t, 'a full doorbell')
    for (let time = 0; time < 3; time++) t.equal(await call(py, 'f'), 42)
    await within('the loop turns', new Promise(resolve => setTimeout(resolve, 10)))
    await within('close', py.close())
  },
)

t.test(
  'payloads that are MessagePack, but of the wrong shape: a typed error, never a crash',
  async t => {
    const source = `
from isthmus import reports

def say(kind, id, payload):
    reports._channel.send(kind, id, bytes(payload))

def say_all(kind, id, payloads, *functions):
    for payload in payloads:
        say(kind, id, payload)
`
    const crashes: unknown[] = []
    const onCrash = (error: unknown) => crashes.push(error)
    process.on('uncaughtExceptionMonitor', onCrash)
    t.teardown(() => process.off('uncaughtExceptionMonitor', onCrash))
    const [malformed, five, nil] = [[0xc1], [5], [0xc0]].map(bytes => Buffer.from(bytes))
    const [log, fromPython, progress] = [15, 2, 14]
    // A message that is nobody's ends the bridge; one that is about a call, the call.
    const ends = async (kind: number, payload: Buffer) => {
      const py = await bridgeFor(t, { source })
      const outcome = await within(
        'say',
        rejection(py.with({ onProgress }).call('say', kind, 1, payload)),
      )
      t.match(outcome, { code: 'ERR_PROTOCOL' }, `kind ${kind}`)
      await within('close', py.close())
    }
    const onProgress = () => t.fail('it makes no sense')
    await ends(log, malformed!)
    for (const payload of [malformed, five, nil, Buffer.from([0x92, 0xa1, 0x61, 0xc0])])
      await ends(progress, payload!)
    const py = await bridgeFor(t, { source })
    const fn = () => t.fail('it is not called')
    const known = Array.from({ length: 100 }, (_, id) => Buffer.from([0x93, id, 5, 0x80])) // one is the id of fn
    for (const payload of [malformed, five, nil, Buffer.from([0x90])])
      await within('say', py.call('say', fromPython, 77, payload))
    await within('say', py.call('say_all', fromPython, 77, known, fn))
    await within('say', py.call('say', log, 0, five))
    await within('close', py.close())
    t.strictSame(crashes, [])
  },
)
