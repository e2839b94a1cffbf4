// The addon's memory and channel, held wrongly: every method with arguments of every other type, open and closed.

import t from 'tap'
import { type Channel, type NativeMemory, native } from '#src/native.js'

const memoryOptions = { arenaBytes: 2 ** 24, limitBytes: 2 ** 24, retainBytes: 2 ** 20 }
const options = { ringBytes: 2 ** 16, spinNs: 0 }
const buffer = () => new Uint8Array(2 ** 16)
const wrong = [
  undefined,
  null,
  -1,
  1.5,
  2 ** 31,
  2 ** 40,
  Number.NaN,
  10n,
  'x',
  Symbol('s'),
  {},
  [],
  () => {},
  new Uint8Array(8),
  new BigInt64Array(2),
  new ArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
]
/** What `send` takes is a FlatBuffer that Writer made; anything else is not looked at. `block` takes its time. */
const left = ['constructor', 'peerDescriptor', 'send', 'sendBytes', 'block']
const methodsOf = (made: { prototype: object }) =>
  Object.getOwnPropertyNames(made.prototype).filter(name => !left.includes(name))
const makeMemory = () => new native.Memory(memoryOptions)
const makeChannel = (memory: NativeMemory = makeMemory()) =>
  new native.Channel(
    memory,
    options,
    buffer(),
    buffer(),
    () => {},
    new Uint32Array(1),
    () => {},
  )

function tryAll(held: Channel | NativeMemory, name: string) {
  const method = (held as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!
  const attempt = (...args: unknown[]) => {
    try {
      method.apply(held, args)
    } catch {} // an exception is all right; ending the process is not
  }
  attempt()
  if (name === 'collect') return // a garbage collection each time, and it takes no arguments
  for (const a of wrong)
    for (const b of wrong)
      for (const args of [[a], [a, b], [0, a, b], [0, 0, 0, 8, a, b]]) attempt(...args)
}

for (const state of ['open', 'closed']) {
  for (const name of methodsOf(native.Channel))
    t.test(`${name}() of a channel that is ${state}`, async t => {
      const channel = makeChannel()
      if (state === 'closed') channel.close()
      tryAll(channel, name)
      channel.close()
      channel.close()
      t.pass()
    })
  for (const name of methodsOf(native.Memory))
    t.test(`${name}() of memory that is ${state}`, async t => {
      const memory = makeMemory()
      memory.allocate(100, true)
      if (state === 'closed') memory.close()
      tryAll(memory, name)
      memory.close()
      memory.close()
      t.pass()
    })
  t.test(`copies to a place outside of a block of memory that is ${state}`, async t => {
    const memory = makeMemory()
    const slot = memory.allocate(64, true)
    const axis = BigInt64Array.of(8n)
    const step = BigInt64Array.of(1n)
    if (state === 'closed') memory.close()
    for (const offset of [-1, -(2 ** 40), 57, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      t.throws(() => memory.copyIn(slot, new Uint8Array(8), offset))
      t.throws(() => memory.copyStrided(slot, slot, 0, 1, axis, step, offset))
      t.throws(() => memory.copyStrided(slot, slot, offset, 1, axis, step, 0))
    }
    if (state === 'open') {
      memory.copyIn(slot, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 56)
      memory.copyStrided(slot, slot, 56, 1, axis, step, 8)
      t.same([...new Uint8Array(memory.view(slot, 8, 8))], [1, 2, 3, 4, 5, 6, 7, 8])
    }
    memory.close()
  })
  t.test(`block() of a channel that is ${state} waits for no wrong argument`, async t => {
    const channel = makeChannel()
    if (state === 'closed') channel.close()
    for (const given of wrong.filter(each => typeof each !== 'number'))
      t.equal(channel.block(given as number), state === 'open' ? 0 : -4)
    for (const given of [Number.NaN, 0, 0.01, 1.5])
      t.equal(channel.block(given), state === 'open' ? 0 : -4)
    channel.close()
  })
}

t.test('neither is made from wrong arguments', async t => {
  type Make = new (...args: unknown[]) => unknown
  const Channel = native.Channel as unknown as Make
  const Memory = native.Memory as unknown as Make
  const memory = makeMemory()
  for (const given of [...wrong, makeChannel(), Object.create(memory)]) {
    t.throws(() => new Memory(given))
    t.throws(() => new Channel(given, options, buffer(), buffer(), () => {}), TypeError)
    if (typeof given !== 'object' && typeof given !== 'function')
      t.throws(() => new Channel(memory, given, buffer(), buffer(), () => {}), TypeError)
    if (!(given instanceof Uint8Array) && !(given instanceof BigInt64Array))
      t.throws(() => new Channel(memory, options, given, buffer(), () => {}), TypeError)
    if (typeof given !== 'function')
      t.throws(() => new Channel(memory, options, buffer(), buffer(), given), TypeError)
  }
  memory.close()
  t.throws(() => makeChannel(memory), { code: 'ERR_CLOSED' })
})
