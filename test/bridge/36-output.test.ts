// What Python prints is never the protocol: it becomes events, and is passed through line by line.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Bridge } from 'isthmus'
import t from 'tap'
import { isAlive, line, spawned } from './spawned.js'

const quiet = { stdout: 'events', stderr: 'events' } as const
const py = await spawned(t, 'printing.py', quiet)

/** The lines that the work prints: lines of before may still be on their way. */
async function lines(bridge: Bridge, work: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = []
  const [begin, end] = [`begin ${Math.random()}`, `end ${Math.random()}`]
  const listen = (text: string) => seen.push(text)
  bridge.on('stdout', listen)
  const ended = line(bridge, 'stdout', new RegExp(end))
  await bridge.call('say', begin)
  await work()
  await bridge.call('say', end)
  await ended
  bridge.off('stdout', listen)
  return seen.slice(seen.indexOf(begin) + 1, seen.indexOf(end))
}

t.test('print becomes events, one for each line, and the result is still the result', async t => {
  const seen = await lines(py, async () => {
    t.equal(await py.call('say', 'one'), 'one')
    await py.call('say', 'two\nthree\n\nfour')
    await py.call('say', 'ä€😀')
  })
  t.strictSame(seen, ['one', 'two', 'three', '', 'four', 'ä€😀'])
})

t.test('stderr is a stream of its own', async t => {
  const heard = line(py, 'stderr', /./)
  await py.call('say', 'to stderr', 'stderr')
  t.equal(await heard, 'to stderr')
})

t.test('os.write, C code and bytes that are no UTF-8 do not break the protocol', async t => {
  const seen = await lines(py, async () => {
    await py.call('raw', 'past the buffers\n')
    await py.call('c_level', 'from C')
    await py.call('hexed', 'ff00fe0a')
  })
  t.strictSame(seen, ['past the buffers', 'from C', '\ufffd\0\ufffd'])
  t.equal(await py.call('fine'), 'fine')
})

t.test('a line of 1 MB arrives whole, in parts that make it up', async t => {
  const seen = await lines(py, () => py.call('long_line', 2 ** 20))
  t.equal(seen.join('').length, 2 ** 20)
})

t.test('a worker that prints a lot while nobody listens goes on', async t => {
  const calls = Array.from({ length: 200 }, () => py.call('say', 'x'.repeat(10_000)))
  await Promise.all(calls)
  t.equal(await py.call('fine'), 'fine')
})

t.test('stdin is empty: input() cannot hang', async t => {
  t.equal(await py.call('read_stdin'), '')
})

t.test('a worker that closes its stdout and stderr still answers', async t => {
  const other = await spawned(t, 'printing.py', quiet)
  await other.call('close_streams')
  t.equal(await other.call('fine'), 'fine')
})

t.test('inherit passes lines through to this process, ignore and events do not', async t => {
  const program = fileURLToPath(new URL('../fixtures/prints.js', import.meta.url))
  for (const [option, stdout, stderr] of [
    ['inherit', 'while importing\nout\nnode\n', 'err\n'],
    ['events', 'node\n', ''],
    ['ignore', 'node\n', ''],
  ] as const) {
    const { out, err } = JSON.parse(
      execFileSync(process.execPath, [program, option], { encoding: 'utf8' }),
    ) as { out: string; err: string }
    t.equal(out, stdout, option)
    t.equal(err, stderr, option)
  }
})

t.test('a grandchild that holds stdout does not delay the exit, nor holds the socket', async t => {
  const other = await spawned(t, 'printing.py', quiet)
  const pid = (await other.call('grandchild')) as number
  t.teardown(() => process.kill(pid, 'SIGKILL'))
  const held = (await other.call('descriptors_of', pid)) as string[]
  t.notOk(
    held.some(link => /memfd/.test(link)),
    `the grandchild holds ${held}`,
  )
  await other.close()
  t.ok(isAlive(pid), 'it still runs')
  t.notOk(isAlive(other.pid), 'and the worker is gone')
})
