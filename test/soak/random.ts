// Choices that are the same for the same seed.
import { seeded } from '../fixtures/random.js'

export class Random {
  /** From 0 to 1, exclusive. */
  readonly fraction: () => number

  constructor(seed: number) {
    this.fraction = seeded(seed)
  }

  /** A whole number from `low` to `high`, both inclusive. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1))
  }

  chance(share: number): boolean {
    return this.fraction() < share
  }

  among<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)]!
  }

  /** One of the choices, each as often as its weight says. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T {
    let left = this.fraction() * choices.reduce((sum, { weight }) => sum + weight, 0)
    for (const choice of choices) {
      left -= choice.weight
      if (left < 0) return choice
    }
    return choices.at(-1)!
  }

  /** A generator of its own, so that what one choice leads to does not move the others. */
  fork(): Random {
    return new Random(this.whole(0, 2 ** 32 - 1))
  }
}

const largest = 2 ** 25

/**
 * How many float64 a tensor has: none, one to 64 KiB, to 4 MiB, to 256 MiB, or exactly 256 MiB. Small ones are
 * frequent, and evenly spread on a logarithmic scale.
 */
export function anyLength(random: Random, most = largest): number {
  const kind = random.fraction()
  if (kind < 0.05) return 0
  if (kind > 0.9995) return most
  const [low, high] = kind < 0.6 ? [0, 13] : kind < 0.985 ? [13, 19] : [19, 25]
  return Math.min(most, Math.floor(2 ** (low + random.fraction() * (high - low))))
}
