// Which cells are measured, in which order, how long and how often.
import type { Cell } from './cases/case.js'
import { cases } from './cases/index.js'
import { contenders } from './contenders/index.js'
import type { Options } from './options.js'

export interface Profile {
  readonly rounds: number
  readonly seconds: number
  /** A size is skipped, and marked, when one call would take longer than this. */
  readonly longestCallMs: number
  /** Whether rivals take part in the long cases that count rather than time. */
  readonly onceForAll: boolean
  /** Sizes measured for the arrays that go one way, and for those that go both ways. */
  readonly oneWaySizes: readonly number[] | 'all'
  readonly echoSizes: readonly number[] | 'all'
}

export const profiles: Readonly<Record<Options['profile'], Profile>> = {
  quick: {
    rounds: 1,
    seconds: 0.2,
    longestCallMs: 2000,
    onceForAll: false,
    oneWaySizes: [2 ** 20],
    echoSizes: [64, 2 ** 12, 2 ** 20, 2 ** 24, 2 ** 28],
  },
  normal: {
    rounds: 3,
    seconds: 0.5,
    longestCallMs: 3000,
    onceForAll: true,
    oneWaySizes: [2 ** 12, 2 ** 20, 2 ** 28],
    echoSizes: 'all',
  },
  full: {
    rounds: 5,
    seconds: 1.5,
    longestCallMs: 30_000,
    onceForAll: true,
    oneWaySizes: 'all',
    echoSizes: 'all',
  },
}

const echoCases = new Set(['echo', 'memcpy'])
const oneWayCases = new Set(['in', 'out'])

function sizesOf(name: string, all: readonly number[], profile: Profile): readonly number[] {
  const chosen = echoCases.has(name)
    ? profile.echoSizes
    : oneWayCases.has(name)
      ? profile.oneWaySizes
      : 'all'
  return chosen === 'all' ? all : all.filter(bytes => chosen.includes(bytes))
}

const wanted = (chosen: readonly string[], name: string): boolean =>
  chosen.length === 0 || chosen.includes(name)

const isOurs = (contender: string): boolean => contender.startsWith('isthmus')

/** The cells of one round. Contenders of one case and size are neighbours: drift of the machine hits all alike. */
export function cellsOf(options: Options): Cell[] {
  const profile = profiles[options.profile]
  return Object.entries(cases)
    .filter(([name]) => wanted(options.only, name))
    .flatMap(([name, one]) =>
      sizesOf(name, one.sizes, profile).flatMap(bytes =>
        one.contenders
          .filter(contender => wanted(options.contenders, contender))
          .filter(contender => !one.once || profile.onceForAll || isOurs(contender))
          .map(contender => ({ case: name, contender, bytes })),
      ),
    )
}

/** Each round takes the contenders in another order, so that nobody always comes first after a pause. */
export function rotated(cells: readonly Cell[], round: number): Cell[] {
  const groups = new Map<string, Cell[]>()
  for (const cell of cells) {
    const key = `${cell.case} ${cell.bytes}`
    groups.set(key, [...(groups.get(key) ?? []), cell])
  }
  return [...groups.values()].flatMap(group => {
    const shift = round % group.length
    return [...group.slice(shift), ...group.slice(0, shift)]
  })
}

/** Why a cell cannot be measured at all, known before trying. */
export function impossible(cell: Cell): string | undefined {
  const largest = contenders[cell.contender]?.largest
  return largest && cell.bytes > largest.bytes ? largest.why : undefined
}
