// Choices that are the same for the same seed.
//
// A linear congruential generator with the constants of Numerical Recipes (1992), section 7.1; only its upper bits are
// good, and only they are used: results are fractions.

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
    this.fraction() // seeds that are close to each other begin with fractions that are
  }

  /** From 0 to 1, exclusive. */
  fraction(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return this.#state / 2 ** 32
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
