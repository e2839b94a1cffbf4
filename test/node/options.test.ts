import t from 'tap'
import { parseBytes } from '#src/byte-size.js'
import {
  noCallOptions,
  resolveCallOptions,
  resolveOptions,
  type SpawnOptions,
} from '#src/options.js'

t.test('defaults: no hidden timeouts, no hidden limits', async t => {
  t.match(resolveOptions(), {
    stdout: 'inherit',
    stderr: 'inherit',
    startTimeout: 0,
    timeout: 0,
    maxQueue: Infinity,
    window: 1024,
    ringBytes: 2 ** 20,
    prefault: 0,
    spin: 'auto',
    detach: true,
    env: {},
  })
  t.equal(resolveOptions().memory, undefined)
  t.equal(resolveOptions().threads, 1)
  t.strictSame(resolveCallOptions(), noCallOptions)
  t.ok(Object.values(noCallOptions).every(value => value === undefined))
})

t.test('what is given is taken, undefined is the default', async t => {
  const given = { memory: '512MiB', ringBytes: '64KiB', spin: 0, window: 1, maxQueue: 0 }
  t.match(resolveOptions({ ...given, detach: false }), {
    memory: 2 ** 29,
    ringBytes: 65536,
    spin: 0,
    window: 1,
    maxQueue: 0,
    detach: false,
  })
  const partial = { timeout: undefined } as unknown as SpawnOptions
  t.equal(resolveOptions(partial).timeout, 0)
})

t.test('an unknown option is refused with the right spelling', async t => {
  const wrong = (options: object) => () => resolveOptions(options as SpawnOptions)
  t.throws(wrong({ timout: 3 }), {
    code: 'ERR_OPTION',
    message: /no option 'timout'; did you mean 'timeout'/,
  })
  t.throws(wrong({ colour: 3 }), { message: /it has python, cwd, env/ })
  t.throws(wrong({ toString: 3 }), { code: 'ERR_OPTION' })
  t.throws(() => resolveCallOptions({ Signal: 3 } as object), { message: /did you mean 'signal'/ })
})

t.test('a wrong value is refused with what it may be', async t => {
  const cases: [string, unknown][] = [
    ['python', ''],
    ['cwd', 4],
    ['env', { A: 4 }],
    ['env', ['A=4']],
    ['stdout', 'pipe'],
    ['stderr', null],
    ['startTimeout', -1],
    ['timeout', Number.NaN],
    ['timeout', '5s'],
    ['timeout', 2 ** 31],
    ['window', 0],
    ['window', 1.5],
    ['maxQueue', -1],
    ['ringBytes', 5000],
    ['ringBytes', 2048],
    ['memory', 0],
    ['memory', 'a lot'],
    ['arena', 1.5],
    ['retain', -1],
    ['prefault', {}],
    ['spin', 'on'],
    ['threads', 0],
    ['threads', 257],
    ['threads', 1.5],
    ['detach', 1],
  ]
  for (const [name, value] of cases)
    t.throws(
      () => resolveOptions({ [name]: value }),
      { code: 'ERR_OPTION', message: new RegExp(`^option '${name}' of spawn\\(\\) is .*, not `) },
      name,
    )
  t.throws(() => resolveOptions([] as object), { code: 'ERR_OPTION' })
  t.throws(() => resolveOptions(null as unknown as object), { code: 'ERR_OPTION' })
  t.throws(() => resolveCallOptions({ signal: {} } as object), { message: /an AbortSignal/ })
})

t.test('sizes: decimal and binary units', async t => {
  t.equal(parseBytes('2GB'), 2e9)
  t.equal(parseBytes('1.5 GiB'), 1.5 * 2 ** 30)
  t.equal(parseBytes('64k'), 64000)
  t.equal(parseBytes('12'), 12)
  t.equal(parseBytes('12b'), 12)
  for (const wrong of ['', 'GB', '-1GB', '1XB', '1iB', true, Number.NaN, -1, 1.5])
    t.equal(parseBytes(wrong), undefined, String(wrong))
})

t.test('options of a call: what is given is taken', async t => {
  const { signal } = new AbortController()
  const onProgress = () => {}
  const given = {
    signal,
    timeout: 5,
    onProgress,
    interrupt: 40,
    kill: 30,
    window: 65_536,
    affinity: 'a',
  }
  t.strictSame(resolveCallOptions(given), given)
  t.equal(resolveCallOptions({ kill: true }).kill, 1000)
  t.equal(resolveCallOptions({ kill: false }).kill, undefined)
  t.equal(resolveCallOptions({ kill: 0 }).kill, 0, 'killed at once')
})

t.test('options of a call: a wrong value is refused with what it may be', async t => {
  const cases: [string, unknown][] = [
    ['signal', new AbortController()],
    ['timeout', -1],
    ['timeout', 2 ** 31],
    ['onProgress', {}],
    ['onProgress', null],
    ['kill', 'yes'],
    ['kill', -1],
    ['kill', null],
    ['window', 0],
    ['window', 65_537],
    ['window', Infinity],
    ['window', 1.5],
    ['window', '8'],
  ]
  for (const [name, value] of cases)
    t.throws(
      () => resolveCallOptions({ [name]: value }),
      { code: 'ERR_OPTION', message: new RegExp(`^option '${name}' of with\\(\\) is .*, not `) },
      name,
    )
})
