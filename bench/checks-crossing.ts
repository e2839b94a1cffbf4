// What crossing once costs, and that nothing is copied: issue 2.
import { type Check, check, type Reading } from './check.js'
import { bytes, digits, times } from './format.js'

const kBig = 2 ** 28
const kSmall = 64
const kResultBytes = 2 ** 26

/** Growth of RSS over 10,000 results that is still called flat: one result. */
const kFlatMb = 64

export function crossingChecks({ p50, figure }: Reading): Check[] {
  const perSecond = (contender: string): number =>
    figure('callsPerSecond', 'in-flight-64', contender)
  const msgpack = ['', '-two-cores', '-one-core']
    .map(where => perSecond(`msgpack-socket${where}`))
    .filter(value => !Number.isNaN(value))
  const copied = (name: string): number => figure('copiedBytesPerCall', name, 'isthmus', kBig)
  const results64 = (name: string): number => figure(name, 'results', 'isthmus', kResultBytes)
  const ms = (value: number): string => `${digits(value)} ms`
  const mb = (value: number): string => `${digits(value)} MB`

  const small = p50('small', 'isthmus')
  const growth = results64('rssAfterMb') - results64('rssBeforeMb')
  return [
    check('small call: Node ↔ C++ floor', ['≤', 5], small / p50('small', 'floor-loop'), times),
    check(
      '64 in flight: calls/s of MessagePack over a Unix socket',
      ['≥', 1.5],
      perSecond('isthmus') / Math.max(...msgpack),
      times,
    ),
    check(
      `echo of ${bytes(kBig)}: echo of ${bytes(kSmall)}`,
      ['≤', 1.5],
      p50('echo', 'isthmus', kBig) / p50('echo', 'isthmus', kSmall),
      times,
    ),
    check(`echo of ${bytes(kBig)}: bytes copied`, ['≤', 0], copied('echo'), digits),
    check(
      `echo of ${bytes(kBig)} from the JS heap: one hot memcpy`,
      ['≤', 1.3],
      p50('echo', 'isthmus-heap', kBig) / p50('memcpy', 'floor-memcpy', kBig),
      times,
    ),
    check(
      `x * 2 of ${bytes(kBig)}: numpy alone`,
      ['≤', 1],
      p50('double', 'isthmus', kBig) / p50('double-alone', 'numpy-alone', kBig),
      times,
    ),
    check(`x * 2 of ${bytes(kBig)}: bytes copied`, ['≤', 0], copied('double'), digits),
    check('10,000 results of 64 MB: received', ['≥', 10_000], results64('results'), digits),
    check(
      '10,000 results of 64 MB: mark-compact collections',
      ['≤', 5],
      results64('markCompacts'),
      digits,
    ),
    check('10,000 results of 64 MB: growth of RSS', ['≤', kFlatMb], growth, mb),
    check(
      'idle for 10 s: CPU of both processes',
      ['≤', 10],
      figure('idleCpuMs', 'idle', 'isthmus'),
      ms,
    ),
  ]
}
