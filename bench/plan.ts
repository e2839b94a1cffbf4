// Which cells are measured, in which order, how long and how often.
import type { Case, Cell } from './cases/case.js'
import { cases } from './cases/index.js'
import { type Choice, fullChoice, normalChoice, quickChoice } from './choices.js'
import { contenders } from './contenders/index.js'
import type { Estimate } from './estimate.js'
import type { Options } from './options.js'

export interface Profile {
  /** Every cell has at least the first number of rounds, and cheap ones the second, as the budget allows. */
  readonly rounds: readonly [least: number, most: number]
  readonly seconds: number
  /** The same for cases that are measured once; by it they also count how much they do. */
  readonly onceSeconds: number
  /** A size is skipped, and marked, when one call would take longer than this. */
  readonly longestCallMs: number
  /** How long a run should take at most. */
  readonly budgetMs: number
  /** Whether every case is measured, or only those in `choice`. */
  readonly everyCase: boolean
  /** What is measured of a case; everything of one that is not in it. */
  readonly choice: Readonly<Record<string, Choice>>
}

export const profiles: Readonly<Record<Options['profile'], Profile>> = {
  quick: {
    rounds: [1, 1],
    seconds: 0.1,
    onceSeconds: 0.1,
    longestCallMs: 500,
    budgetMs: 40_000,
    everyCase: false,
    choice: quickChoice,
  },
  normal: {
    rounds: [5, 5],
    seconds: 0.15,
    onceSeconds: 0.5,
    longestCallMs: 1000,
    budgetMs: 120_000,
    everyCase: false,
    choice: normalChoice,
  },
  full: {
    rounds: [3, 5],
    seconds: 0.2,
    onceSeconds: 0.5,
    longestCallMs: 1500,
    budgetMs: 38 * 60_000,
    everyCase: true,
    choice: fullChoice,
  },
}

const among = <T>(all: readonly T[], chosen: readonly T[] | undefined): readonly T[] =>
  chosen === undefined ? all : all.filter(one => chosen.includes(one))

const given = <T>(chosen: readonly T[]): readonly T[] | undefined =>
  chosen.length > 0 ? chosen : undefined

/**
 * The cells of one round. Contenders of one case and size are neighbours: drift of the machine hits all alike.
 * Who names cases gets all their contenders; who names contenders gets those.
 */
export function cellsOf(options: Options): Cell[] {
  const { everyCase, choice } = profiles[options.profile]
  const names = given(options.only) ?? Object.keys(everyCase ? cases : choice)
  return Object.entries(cases)
    .filter(([name]) => names.includes(name))
    .flatMap(([name, one]) =>
      among(one.sizes, given(options.sizes) ?? choice[name]?.sizes).flatMap(bytes => {
        const chosen = options.only.length > 0 ? one.contenders : chosenOf(one, choice[name], bytes)
        const named = given(options.contenders)
        return (named ? among(one.contenders, named) : chosen)
          .filter(contender => one.takes?.(contender, bytes) ?? true)
          .map(contender => ({ case: name, contender, bytes }))
      }),
    )
}

/** The contenders of a case that a profile has chosen for a size. */
function chosenOf(one: Case, choice: Choice = {}, bytes: number): readonly string[] {
  const chosen = among(one.contenders, choice.contendersOfSize?.[bytes] ?? choice.contenders)
  if (choice.onCores === undefined) return chosen
  return chosen.filter(contender => {
    const { cores } = contenders[contender] ?? {}
    return cores === undefined || cores === choice.onCores
  })
}

export interface Step {
  readonly cell: Cell
  readonly round: number
}

const groupOf = (cell: Cell): string => `${cell.case} ${cell.bytes}`

function groups(cells: readonly Cell[]): Cell[][] {
  const found = new Map<string, Cell[]>()
  for (const cell of cells) found.set(groupOf(cell), [...(found.get(groupOf(cell)) ?? []), cell])
  return [...found.values()]
}

/** How many rounds each group of neighbours has: the most for as many as the budget allows, the cheapest first. */
function roundsOf(all: readonly Cell[][], profile: Profile, estimate: Estimate) {
  const [least, most] = profile.rounds
  const once = (group: Cell[]): boolean => cases[group[0]!.case]?.once ?? false
  const cost = new Map(
    all.map(group => [group, group.reduce((sum, cell) => sum + estimate.of(cell), 0)]),
  )
  const rounds = new Map(all.map(group => [group, once(group) ? 1 : least]))
  let total = all.reduce((sum, group) => sum + cost.get(group)! * rounds.get(group)!, 0)
  for (const group of [...all].sort((a, b) => cost.get(a)! - cost.get(b)!)) {
    const more = cost.get(group)! * (most - least)
    if (once(group) || total + more > profile.budgetMs) continue
    rounds.set(group, most)
    total += more
  }
  return rounds
}

/**
 * All steps of a run. A round takes every group once, and the contenders of a group in another order than the round
 * before, so that nobody always comes first after a pause.
 */
export function stepsOf(cells: readonly Cell[], profile: Profile, estimate: Estimate): Step[] {
  const all = groups(cells)
  const rounds = roundsOf(all, profile, estimate)
  const steps: Step[] = []
  for (let round = 0; round < profile.rounds[1]; round++) {
    for (const group of all) {
      if (round >= rounds.get(group)!) continue
      const shift = round % group.length
      const order = [...group.slice(shift), ...group.slice(0, shift)]
      for (const cell of order) steps.push({ cell, round })
    }
  }
  return steps
}

/** Why a cell cannot be measured at all, known before trying. */
export function impossible(cell: Cell): string | undefined {
  const largest = contenders[cell.contender]?.largest
  return largest && cell.bytes > largest.bytes ? largest.why : undefined
}
