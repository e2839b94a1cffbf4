// Changes MessagePack value by value, so that most of what comes of it is MessagePack again.
import { below, oneOf } from '../fixtures/random.js'

/** Values at the edges of what is allowed, and beyond them, in hex. */
const difficult = [
  // nil, booleans, small and large numbers, -0, NaN, Infinity
  ...['c0', 'c2', 'c3', '00', '7f', 'e0', 'ff', 'cc80', 'cd8000', 'ce80000000'],
  ...['cf001fffffffffffff', 'cf0020000000000000', 'cfffffffffffffffff'],
  ...['d080', 'd18000', 'd280000000', 'd3ffe0000000000000', 'd38000000000000000'],
  ...['cb7ff8000000000000', 'cb8000000000000000', 'cb7ff0000000000000', 'caff800000', 'c1'],
  // texts: empty, long, not UTF-8, lone surrogates, beyond Unicode, lengths that lie
  ...['a0', 'a161', 'd90161', 'da000161', 'db0000000161', `bf${'61'.repeat(31)}`],
  ...['a180', 'a2c080', 'a3eda080', 'a4f4908080', 'a4f09f9880', 'dbffffffff', 'd9ff61'],
  ...['c400', 'c40161', 'c5000161', 'c60000000161', 'c6ffffffff'],
  // lists and maps: empty, lengths that lie, keys of every type, twice the same
  ...['90', '80', '91c0', 'dc0001c0', 'dd00000001c0', 'ddffffffff', 'dfffffffff', 'dd7fffffffc0'],
  ...['8101c0', '81c0c0', '81c3c0', '81cb3ff8000000000000c0', '8190c0', '8180c0', '81c400c0'],
  ...['82a1610182a16102a16103', '82a16101a16102', 'de0001a161c0', 'df00000001a161c0'],
  `81a9${hex('__proto__')}81a1610a`,
  `81ab${hex('constructor')}81a9${hex('prototype')}81a17801`,
  `81a8${hex('toString')}c0`,
  `81a4${hex('then')}d60300000001`,
  `81a6${hex('length')}ceffffffff`,
  // extensions: each type with a right and with wrong lengths
  ...['d60100000000', 'd60100000001', 'd601ffffffff', 'd40100', 'c70001', 'c9ffffffff01'],
  ...['c70002', 'd4027f', 'd40280', 'd50200ff', 'd80200000000000000000000000000000000'],
  ...[
    'c7090201ffffffffffffffff',
    `c82000${'02'}${'7f'.repeat(64)}`,
    `c80100${'02'}${'ff'.repeat(256)}`,
  ],
  ...['d60300000001', 'd603000000ff', 'd40301', 'd60400000001', 'd604000000ff', 'd60500000001'],
  ...['d60600000000', 'd48000', 'd6ff5f000000', 'd6ffffffffff', 'd7ff0000000000000000'],
  ...[
    'd7ffffffffff00000000',
    'c70cff000000007fffffffffffffff',
    'c70cff3b9ac9fffffffff1886e0900',
    'd5ff0000',
  ],
  // what the readers of payloads look for
  `82a4${hex('code')}ad${hex('ERR_ARENA_FULL')}a5${hex('limit')}c0`,
  `81a5${hex('cause')}81a5${hex('cause')}80`,
  `81aa${hex('javascript')}81a5${hex('stack')}a0`,
  `81a4${hex('time')}cb7ff0000000000000`,
].map(text => Buffer.from(text, 'hex'))

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}

interface Span {
  readonly start: number
  readonly end: number
}

/** Where the values are, those inside of others too; up to what is not MessagePack. */
function valuesIn(bytes: Uint8Array): Span[] {
  const spans: Span[] = []
  let at = 0
  const number = (width: number) => {
    let value = 0
    for (let left = width; left > 0; left--) value = value * 256 + (bytes[at++] ?? 0)
    return value
  }
  const skip = (length: number) => {
    at += length
    return at <= bytes.length
  }
  const all = (count: number, depth: number) => {
    for (let left = count; left > 0; left--) if (!value(depth + 1)) return false
    return true
  }
  function value(depth: number): boolean {
    if (at >= bytes.length || depth > 100) return false
    const start = at
    const ended = body(bytes[at++]!, depth)
    if (ended) spans.push({ start, end: at })
    return ended
  }
  function body(token: number, depth: number): boolean {
    if (token < 0x80 || token >= 0xe0 || token === 0xc0 || token === 0xc2 || token === 0xc3)
      return true
    if (token < 0x90) return all((token & 15) * 2, depth)
    if (token < 0xa0) return all(token & 15, depth)
    if (token < 0xc0) return skip(token & 31)
    if (token === 0xc1) return false
    if (token < 0xc7) return skip(number(1 << (token - 0xc4)))
    if (token < 0xca) return skip(number(1 << (token - 0xc7)) + 1)
    if (token < 0xcc) return skip(token === 0xca ? 4 : 8)
    if (token < 0xd4) return skip(1 << (token & 3))
    if (token < 0xd9) return skip((1 << (token - 0xd4)) + 1)
    if (token < 0xdc) return skip(number(1 << (token - 0xd9)))
    const width = token & 1 ? 4 : 2
    return all(number(width) * (token < 0xde ? 1 : 2), depth)
  }
  while (at < bytes.length && value(0)) {}
  return spans
}

function changedBytes(bytes: Uint8Array, random: () => number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  if (changed.length === 0) return Uint8Array.of(below(random, 256))
  const at = below(random, changed.length)
  switch (below(random, 4)) {
    case 0:
      changed[at]! ^= 1 << below(random, 8)
      return changed
    case 1:
      changed[at] = below(random, 256)
      return changed
    case 2:
      return Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1 + below(random, 4))])
    default:
      return Buffer.concat([
        changed.subarray(0, at),
        Uint8Array.of(below(random, 256)),
        changed.subarray(at),
      ])
  }
}

/** Another input that is like this one, or like both. */
export function mutated(bytes: Uint8Array, other: Uint8Array, random: () => number): Uint8Array {
  const spans = valuesIn(bytes)
  if (spans.length === 0 || below(random, 4) === 0) return changedBytes(bytes, random)
  const { start, end } = oneOf(random, spans)
  const own = bytes.subarray(start, end)
  const put = (...instead: Uint8Array[]) =>
    Buffer.concat([bytes.subarray(0, start), ...instead, bytes.subarray(end)])
  switch (below(random, 6)) {
    case 0: {
      const there = valuesIn(other)
      const from = there.length === 0 ? undefined : oneOf(random, there)
      return put(from === undefined ? own : other.subarray(from.start, from.end))
    }
    case 1:
      return put(Buffer.alloc(1 << below(random, 11), 0x91), own)
    case 2:
      return put(Uint8Array.of(0x92), own, own)
    case 3:
      return put(Uint8Array.of(0x81, 0xa1, 0x6b), own)
    default:
      return put(oneOf(random, difficult))
  }
}

export const seeds: readonly Uint8Array[] = difficult
