// The addon's channel, held wrongly: every method with arguments of every other type, open and closed.

import t from 'tap'
import { type Channel, native } from '#src/native.js'

const options = {
  arenaBytes: 2 ** 24,
  limitBytes: 2 ** 24,
  retainBytes: 2 ** 20,
  ringBytes: 2 ** 16,
  spinNs: 0,
}
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
/** What these take is a FlatBuffer that Writer made; anything else is not looked at. */
const trusting = ['send', 'sendBytes']
const methods = Object.getOwnPropertyNames(native.Channel.prototype).filter(
  name => name !== 'constructor' && name !== 'peerDescriptor' && !trusting.includes(name),
)

function tryAll(channel: Channel, name: string) {
  const method = (channel as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!
  const attempt = (...args: unknown[]) => {
    try {
      method.apply(channel, args)
    } catch {} // an exception is all right; ending the process is not
  }
  attempt()
  if (name === 'collect') return // a garbage collection each time, and it takes no arguments
  for (const a of wrong)
    for (const b of wrong)
      for (const args of [[a], [a, b], [0, a, b], [0, 0, 0, 8, a, b]]) attempt(...args)
}

for (const state of ['open', 'closed'])
  for (const name of methods)
    t.test(`${name}() of a channel that is ${state}`, async t => {
      const channel = new native.Channel(options, buffer(), buffer(), () => {})
      if (state === 'open') channel.allocate(100, true)
      else channel.close()
      tryAll(channel, name)
      channel.close()
      channel.close()
      t.pass()
    })

t.test('a channel is not made from wrong arguments', async t => {
  const make = native.Channel as unknown as new (...args: unknown[]) => Channel
  for (const given of wrong) {
    t.throws(() => new make(given, buffer(), buffer(), () => {}), 'options')
    if (!(given instanceof Uint8Array) && !(given instanceof BigInt64Array))
      t.throws(() => new make(options, given, buffer(), () => {}), TypeError)
    if (typeof given !== 'function')
      t.throws(() => new make(options, buffer(), buffer(), given), TypeError)
  }
})
