// Against everybody else: issue 7.
import { type Check, check, type Reading } from './check.js'
import type { Kind } from './contender.js'
import { contenders } from './contenders/index.js'
import { bytes, digits, times } from './format.js'
import type { CellResult, Results } from './results.js'

const kBig = 2 ** 28
const kLargest = 2 ** 30
const kSmall = 64
const kAllowedMb = 100
/** From here on an array crosses faster than into a Python in the same process. */
const kArray = 2 ** 16

type Measure = 'p50' | 'callsPerSecond' | 'itemsPerSecond'

interface Compared {
  readonly title: string
  readonly measure: Measure
}

const latency = (title: string): Compared => ({ title, measure: 'p50' })
const calls = (title: string): Compared => ({ title, measure: 'callsPerSecond' })
const items = (title: string): Compared => ({ title, measure: 'itemsPerSecond' })

/** Every case of latency or throughput that others take part in. */
export const comparedCases: Readonly<Record<string, Compared>> = {
  small: latency('small call'),
  'in-flight-1': calls('calls/s, 1 in flight'),
  'in-flight-8': calls('calls/s, 8 in flight'),
  'in-flight-64': calls('calls/s, 64 in flight'),
  'in-flight-1024': calls('calls/s, 1024 in flight'),
  wake: latency('small call after a pause'),
  start: latency('start'),
  'start-again': latency('start again'),
  nested: latency('nested value'),
  stream: items('stream of small items'),
  'stream-24mb': items('stream of 24 MB frames'),
  in: latency('array in'),
  out: latency('array out'),
  echo: latency('array there and back'),
  update: latency('array changed in place'),
  'first-touch': latency('array of new memory'),
  double: latency('x * 2'),
}

const arrayCases = ['in', 'out', 'echo', 'update', 'double']

/** How far Isthmus is ahead of somebody. */
export interface Lead {
  readonly ratio: number
  readonly contender: string
  readonly bytes: number
}

interface Opponents {
  readonly of?: Kind
  readonly from?: number
  readonly size?: number
  readonly who?: (contender: string) => boolean
}

const measured = (cell: CellResult, measure: Measure): number =>
  (measure === 'p50' ? cell.latency?.p50 : cell.figures?.[measure]) ?? NaN

/** Ahead of whom, and where, Isthmus is least; undefined when the run has nobody to compare with. */
export function leastLead(
  { cells }: Pick<Results, 'cells'>,
  names: readonly string[],
  { of, from = 0, size, who = () => true }: Opponents,
): Lead | undefined {
  let least: Lead | undefined
  for (const cell of cells) {
    const compared = comparedCases[cell.case]
    if (!compared || !names.includes(cell.case)) continue
    if (cell.bytes < from || (size !== undefined && cell.bytes !== size)) continue
    if (contenders[cell.contender]?.kind !== of || !who(cell.contender)) continue
    const own = cells.find(
      ({ case: name, contender, bytes: same }) =>
        name === cell.case && contender === 'isthmus' && same === cell.bytes,
    )
    if (!own) continue
    const [ours, theirs] = [measured(own, compared.measure), measured(cell, compared.measure)]
    const ratio = compared.measure === 'p50' ? theirs / ours : ours / theirs
    if (ratio < (least?.ratio ?? Infinity))
      least = { ratio, contender: cell.contender, bytes: cell.bytes }
  }
  return least
}

/** At least so many times as fast as the best of them; which one that was, and at which size, is said. */
function ahead(claim: string, least: number, lead: Lead | undefined): Check {
  const found = check(claim, ['≥', least], lead?.ratio, times)
  if (!lead || found.seen === undefined) return found
  const size = lead.bytes > 0 ? `, ${bytes(lead.bytes)}` : ''
  return { ...found, seen: `${found.seen} (${lead.contender}${size})` }
}

const blocks = (contender: string): boolean => contender.endsWith('-sync')
const sharesMemory = (contender: string): boolean => contender.startsWith('shm-file')
const onTwoCores = (contender: string): boolean => contender.endsWith('-two-cores')

export function rivalChecks(results: Results, { p50, figure }: Reading): Check[] {
  const mb = (value: number): string => `${digits(value)} MB`
  const lead = (names: readonly string[], opponents: Opponents): Lead | undefined =>
    leastLead(results, names, opponents)
  return [
    ...Object.entries(comparedCases).map(([name, { title }]) =>
      ahead(`${title}: the best other process`, 1, lead([name], { of: 'rival' })),
    ),
    ahead(
      'small call: the best other process on different cores',
      12,
      lead(['small'], { of: 'rival', who: onTwoCores }),
    ),
    ahead(
      'small call: the best awaited call in process',
      1,
      lead(['small'], { of: 'embedding', who: name => !blocks(name) }),
    ),
    ahead(
      `arrays of ${bytes(kArray)} and more: the best in process`,
      1,
      lead(arrayCases, { of: 'embedding', from: kArray }),
    ),
    ahead(
      `echo of ${bytes(kBig)}: shared memory by hand`,
      12,
      lead(['echo'], { of: 'rival', size: kBig, who: sharesMemory }),
    ),
    ahead(
      `echo of ${bytes(kBig)}: the best that serialises`,
      10_000,
      lead(['echo'], { of: 'rival', size: kBig, who: name => !sharesMemory(name) }),
    ),
    check(
      `echo of ${bytes(kLargest)}: echo of ${bytes(kSmall)}`,
      ['≤', 1.5],
      p50('echo', 'isthmus', kLargest) / p50('echo', 'isthmus', kSmall),
      times,
    ),
    check(
      `echo of ${bytes(kBig)}: peak memory of both processes`,
      ['≤', kBig / 2 ** 20 + kAllowedMb],
      figure('peakMb', 'memory', 'isthmus', kBig),
      mb,
    ),
  ]
}
