// Who owns the bytes of a view, and when may they be used again? (DESIGN 3.5)

import { execFileSync } from 'node:child_process'
import { mkdtempSync, open, rmSync, write } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Bridge } from 'isthmus'
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
import { within } from '../fixtures/watchdog.js'

const length = 131_072 // 1 MiB of float64
const source = { source: basics }

type Transferable = ArrayBuffer & { transfer?(length?: number): ArrayBuffer }

/** The ways in which ordinary code moves a buffer's memory to another ArrayBuffer. */
const moves: Record<
  string,
  ((buffer: Transferable) => ArrayBuffer | Promise<ArrayBuffer>) | undefined
> = {
  structuredClone: buffer => structuredClone(buffer, { transfer: [buffer] }),
  'a MessageChannel': buffer => {
    const { port1, port2 } = new MessageChannel()
    const arrived = new Promise<ArrayBuffer>(resolve => {
      port2.once('message', resolve)
    })
    port1.postMessage(buffer, [buffer])
    return arrived.finally(() => port1.close())
  },
  'ArrayBuffer.transfer()':
    'transfer' in ArrayBuffer.prototype ? buffer => buffer.transfer!() : undefined,
  'ArrayBuffer.transfer(longer)':
    'transfer' in ArrayBuffer.prototype
      ? buffer => buffer.transfer!(buffer.byteLength + 64)
      : undefined,
}

/** A tensor with the numbers from 5 up, in Python's arena or in Node's. */
async function ramp(py: Bridge, place: 'result' | 'own'): Promise<Doubles> {
  if (place === 'result') return call<Doubles>(py, 'ramp', 5, length)
  const own = py.tensor('float64', [length])
  own.data.forEach((_, at, data) => {
    data[at] = at + 5
  })
  return own
}

for (const place of ['result', 'own'] as const)
  for (const [how, move] of Object.entries(moves))
    for (const end of ['dropped', 'disposed', 'released'] as const)
      t.test(
        `a view (${place}) moved by ${how} keeps its bytes when its tensor is ${end}`,
        async t => {
          if (move === undefined) {
            t.pass('this Node has no ArrayBuffer.transfer')
            return
          }
          const py = await bridgeFor(t, source, { memory: '256MiB' })
          const kept = await (async () => {
            const tensor = await ramp(py, place)
            const { data } = tensor
            const moved = await within(how, Promise.resolve(move(data.buffer as ArrayBuffer)))
            t.equal(data.length, 0, 'the old view is empty')
            t.throws(() => tensor.data, { code: 'ERR_DISPOSED' })
            if (end === 'disposed') tensor.dispose()
            if (end === 'released') tensor.release()
            return moved
          })()
          globalThis.gc!()
          await hammer(py, length)
          globalThis.gc!()
          await hammer(py, length)
          t.ok(isRamp(new Float64Array(kept, 0, length), 5, length), 'every element is what it was')
        },
      )

t.test(
  'a view posted to a worker thread keeps its bytes, and gives them back when the thread ends',
  async t => {
    const py = await bridgeFor(t, source, { memory: '256MiB' })
    const thread = new Worker(
      `const { parentPort } = require('node:worker_threads')
     let kept
     parentPort.on('message', message => {
       if (message !== 'sum') { kept = new Float64Array(message); return parentPort.postMessage(kept.length) }
       parentPort.postMessage(kept.reduce((sum, value) => sum + value, 0))
     })`,
      { eval: true },
    )
    t.teardown(() => thread.terminate())
    const answer = () =>
      within('the thread answers', new Promise(resolve => thread.once('message', resolve)))
    await (async () => {
      const buffer = (await ramp(py, 'result')).data.buffer as ArrayBuffer
      thread.postMessage(buffer, [buffer])
      t.equal(await answer(), length)
    })()
    await hammer(py, length)
    await settled(py, 'only the posted view is left', stats => stats.views === 1)
    await hammer(py, length)
    thread.postMessage('sum')
    t.equal(await answer(), 5 * length + (length * (length - 1)) / 2)
    await thread.terminate()
    await settled(
      py,
      'the lease is returned',
      stats => stats.views === 0 && stats.borrowedBlocks === 0,
    )
  },
)

/** Calls answer(data) while the other end of a socket does not read yet, and gives what arrives at last. */
async function throughSocket(
  answer: (response: ServerResponse) => void,
  beforeReading: () => Promise<void>,
): Promise<Buffer> {
  const server = createServer((_, response) => answer(response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      get({ port, host: '127.0.0.1', agent: false }, resolve).on('error', reject),
    )
    response.pause()
    await beforeReading()
    const chunks: Buffer[] = []
    const read = async () => {
      for await (const chunk of response) chunks.push(chunk as Buffer)
    }
    await within('the body arrives', read(), () => ({ chunks: chunks.length }))
    return Buffer.concat(chunks)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const big = 8 * 2 ** 20 // float64: 64 MiB
const doubles = (bytes: Buffer) =>
  new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)

t.test(
  'release() while a socket still sends: 64 MiB arrive intact although the arena is hammered',
  async t => {
    const py = await bridgeFor(t, source, { memory: '1GiB' })
    const tensor = await call<Doubles>(py, 'ramp', 0, big)
    const bytes = await throughSocket(
      response => {
        response.end(Buffer.from(tensor.data.buffer)) // the same memory
        tensor.release()
        t.throws(() => tensor.data, { code: 'ERR_DISPOSED' }, 'the tensor is given up at once')
      },
      () => hammer(py, big, 3),
    )
    t.ok(isRamp(doubles(bytes), 0, big))
    await settled(py, 'the lease is returned', stats => stats.borrowedBlocks === 0)
  },
)

t.test(
  'dispose() while a socket still sends: the view is empty at once; what is sent is as long as it was',
  async t => {
    // Its content is not asserted: the socket reads memory that was given back. docs/lifetimes.md starts from here.
    const py = await bridgeFor(t, source, { memory: '1GiB' })
    const tensor = await call<Doubles>(py, 'ramp', 0, big)
    const bytes = await throughSocket(
      response => {
        const { data } = tensor
        response.end(Buffer.from(data.buffer))
        tensor.dispose()
        t.equal(data.length, 0)
        t.equal(data.buffer.byteLength, 0)
      },
      () => hammer(py, big, 2),
    )
    t.equal(bytes.length, 8 * big)
  },
)

t.test('release() while fs.write still writes: a pipe delivers 64 MiB intact', async t => {
  const py = await bridgeFor(t, source, { memory: '1GiB' })
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const [reader, writer] = await Promise.all([openFile(path, 'r'), promisify(open)(path, 'w')])
  t.teardown(() => reader.close())
  const written = await (async () => {
    const tensor = await call<Doubles>(py, 'ramp', 3, big)
    // The pipe holds 64 KiB: the write blocks in its thread until somebody reads.
    const writing = new Promise<number>((resolve, reject) =>
      write(writer, tensor.data, (error, count) => (error ? reject(error) : resolve(count))),
    )
    tensor.release()
    return { writing }
  })()
  await hammer(py, big, 3)
  const bytes = Buffer.alloc(8 * big)
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await within('the pipe is read', reader.read(bytes, at), () => ({ at }))
    if (bytesRead === 0) break
    at += bytesRead
  }
  t.equal(await within('fs.write', written.writing), bytes.length)
  t.ok(isRamp(doubles(bytes), 3, big))
})

t.test(
  'dispose() detaches: a stale view has length 0, and the lease is returned at once',
  async t => {
    const py = await bridgeFor(t, source)
    for (const place of ['result', 'own'] as const) {
      const tensor = await ramp(py, place)
      const { data } = tensor
      const held = () => py.stats()[place === 'own' ? 'ownBlocks' : 'borrowedBlocks']
      t.equal(held(), 1)
      tensor.dispose()
      t.equal(data.length, 0)
      t.equal(data[0], undefined)
      t.equal(held(), 0)
      t.equal(py.stats().views, 0)
      t.throws(() => tensor.data, { code: 'ERR_DISPOSED' })
      await t.rejects(py.call('total', tensor), { code: 'ERR_DISPOSED' })
    }
  },
)

t.test(
  'detach: false: the tensor is unusable after dispose(), its view lives on until it is collected',
  async t => {
    const py = await bridgeFor(t, source, { detach: false })
    await (async () => {
      const tensor = await ramp(py, 'result')
      const { data } = tensor
      tensor.dispose()
      t.throws(() => tensor.data, { code: 'ERR_DISPOSED' })
      await hammer(py, length)
      t.ok(isRamp(data, 5, length))
    })()
    await settled(
      py,
      'the lease is returned',
      stats => stats.views === 0 && stats.borrowedBlocks === 0,
    )
  },
)

t.test('given up twice: dispose() and release() throw, Symbol.dispose does not', async t => {
  const py = await bridgeFor(t, source)
  for (const first of ['dispose', 'release'] as const)
    for (const touched of [true, false]) {
      const tensor = await ramp(py, 'result')
      if (touched) t.equal(tensor.at(0), 5)
      tensor[first]()
      t.equal(tensor.disposed, true)
      t.throws(() => tensor.dispose(), { code: 'ERR_DISPOSED' })
      t.throws(() => tensor.release(), { code: 'ERR_DISPOSED' })
      t.doesNotThrow(() => tensor[Symbol.dispose]())
    }
  await settled(py, 'nothing is held', stats => stats.borrowedBlocks === 0)
})

t.test(
  'detached twice: a buffer that was transferred away may be disposed of, by any of its tensors',
  async t => {
    const py = await bridgeFor(t, source)
    const tensor = await ramp(py, 'result')
    const half = tensor.subarray(0, length / 2)
    const again = tensor.reshape([2, -1])
    const moved = structuredClone(tensor.data.buffer, {
      transfer: [tensor.data.buffer as ArrayBuffer],
    })
    t.doesNotThrow(() => tensor.dispose())
    t.equal(half.data[0], 5)
    half.dispose()
    again.dispose()
    await hammer(py, length)
    t.ok(isRamp(new Float64Array(moved as ArrayBuffer), 5, length))
  },
)

t.test(
  'views of one block are independent: disposing of one empties neither the other nor the block',
  async t => {
    const py = await bridgeFor(t, source)
    const tensor = await ramp(py, 'result')
    const again = tensor.reshape([length])
    const [one, two] = [tensor.data, again.data]
    tensor.dispose()
    t.equal(one.length, 0)
    await hammer(py, length)
    t.ok(isRamp(two, 5, length))
    again.dispose()
    t.equal(py.stats().borrowedBlocks, 0)
  },
)

t.test('a tensor given up while the worker computes goes back at once', async t => {
  const source = `${basics}
import time
import isthmus

def leases_until_none(patience):
    end = time.monotonic() + patience
    while (leases := isthmus.stats()["lent_leases"]) and time.monotonic() < end:
        np.empty(1 << 20, np.uint8)  # what a worker does that needs memory: it looks at what was returned
        time.sleep(0.01)
    return leases
`
  const py = await bridgeFor(t, { source })
  const viewed = await call<Doubles>(py, 'ramp', 5, length)
  const unseen = await call<Doubles>(py, 'ramp', 5, length)
  t.equal(viewed.data[0], 5)
  const leases = call(py, 'leases_until_none', 25)
  await setTimeout(50) // the loop sleeps
  viewed.dispose()
  unseen.dispose()
  t.equal(await leases, 0)
})
