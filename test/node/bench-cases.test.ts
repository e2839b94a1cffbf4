// Who takes part in a case of the benchmarks, what nested values look like, and memory as seen from outside.
import t from 'tap'
import { everyKind, fieldOf, variantsAt } from '../../bench/cases/field.js'
import { cases } from '../../bench/cases/index.js'
import { Sampler } from '../../bench/cases/memory.js'
import { nestedValue } from '../../bench/cases/nested-value.js'
import { warmUp, warmUpLanes } from '../../bench/cases/warm-up.js'
import { contenders } from '../../bench/contenders/index.js'

t.test('every contender of every case exists', async t => {
  for (const [name, { contenders: named }] of Object.entries(cases)) {
    t.ok(named.length > 0, `${name} has contenders`)
    t.equal(new Set(named).size, named.length, `${name} names each once`)
    for (const one of named) t.ok(contenders[one], `${name}: ${one}`)
  }
})

t.test('every contender takes part in some case', async t => {
  const named = new Set(Object.values(cases).flatMap(one => one.contenders))
  for (const name of Object.keys(contenders)) t.ok(named.has(name), name)
})

t.test('contenders are taken by kind', async t => {
  const kindOf = (name: string): string | undefined => contenders[name]?.kind
  const rivals = fieldOf({ ours: [], kinds: ['rival'] })
  t.ok(rivals.includes('msgpack-socket'))
  t.ok(rivals.every(name => kindOf(name) === 'rival' && !contenders[name]?.ownCase))
  t.ok(rivals.every(name => contenders[name]?.cores === undefined))

  const spread = fieldOf({ ours: [], kinds: ['rival'], cores: 'any' })
  t.ok(spread.includes('msgpack-socket-one-core') && spread.includes('msgpack-socket-two-cores'))
  const onOne = fieldOf({ ours: [], kinds: ['rival'], cores: 'one' })
  t.ok(onOne.includes('msgpack-socket-one-core') && !onOne.includes('msgpack-socket-two-cores'))

  const all = fieldOf({ floors: ['floor-loop'], kinds: everyKind })
  t.strictSame(all.slice(0, 2), ['floor-loop', 'isthmus'])
  t.notOk(
    all.some(name => name.endsWith('-sync')),
    'calls that block have a case of their own',
  )
})

t.test('variants on chosen cores take part at some sizes, the others at all', async t => {
  const takes = variantsAt([64])
  t.equal(takes('msgpack-socket-one-core', 64), true)
  t.equal(takes('msgpack-socket-one-core', 4096), false)
  t.equal(takes('msgpack-socket', 4096), true)
})

t.test('a nested value has nearly the size that was asked for, and survives JSON', async t => {
  for (const bytes of [2 ** 10, 2 ** 20]) {
    const value = nestedValue(bytes)
    const json = JSON.stringify(value)
    const length = Buffer.byteLength(json)
    t.ok(length <= bytes && length > bytes - 600, `${length} of ${bytes} bytes`)
    t.strictSame(JSON.parse(json), value)
  }
})

t.test('warming up ends by the number of calls, however many callers there are', async t => {
  const numbers: number[] = []
  await warmUp(async i => numbers.push(i))
  t.ok(numbers.length <= 4000)
  t.strictSame(numbers.slice(0, 3), [0, 1, 2])

  let inFlight = 0
  let most = 0
  const began = new Set<number>()
  await warmUpLanes(8, async i => {
    began.add(i)
    most = Math.max(most, ++inFlight)
    await Promise.resolve()
    inFlight--
  })
  t.equal(most, 8)
  t.ok(began.size <= 4000 + 7)
})

t.test('a sampler sees the memory of this process from outside', async t => {
  await using sampler = new Sampler()
  await sampler.peak()
  const before = await sampler.peak()
  const block = Buffer.alloc(64 * 2 ** 20, 1)
  const during = await sampler.peak()
  t.ok(during > before + 60, `${during} MB, ${before} before`)
  t.equal(block[1], 1)
})
