// Scales and their ticks.

export interface Axis {
  /** From 0 to 1. */
  place(value: number): number
  readonly ticks: readonly { readonly value: number; readonly label: string }[]
}

const label = (value: number) =>
  value >= 1000 ? value.toLocaleString('en-US') : String(Number(value.toPrecision(3)))

/** 1, 2 or 5 times a power of ten: the smallest at which the range has at most so many steps. */
function stepFor(range: number, most: number): number {
  const least = range / most
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= least - power * 1e-9)!
}

/** From 0 to the largest value. */
export function linear(largest: number, most = 4): Axis {
  const step = stepFor(Math.max(largest, 1), most)
  const top = Math.ceil(Math.max(largest, 1) / step) * step
  const count = Math.round(top / step)
  return {
    place: value => value / top,
    ticks: Array.from({ length: count + 1 }, (_, at) => ({
      value: at * step,
      label: label(at * step),
    })),
  }
}

/** Powers of ten around all values. */
export function logarithmic(smallest: number, largest: number): Axis {
  const low = Math.floor(Math.log10(smallest))
  const high = Math.max(low + 1, Math.ceil(Math.log10(largest)))
  return {
    place: value => (Math.log10(value) - low) / (high - low),
    ticks: Array.from({ length: high - low + 1 }, (_, at) => ({
      value: 10 ** (low + at),
      label: label(10 ** (low + at)),
    })),
  }
}

/** Minutes, or seconds where there are few. */
export function time(seconds: number): Axis & { readonly unit: string } {
  const [unit, scale] = seconds >= 120 ? ['minutes', 60] : ['seconds', 1]
  const step = stepFor(seconds / scale, 10)
  const count = Math.floor(seconds / scale / step + 1e-9)
  return {
    unit,
    place: value => value / seconds,
    ticks: Array.from({ length: count + 1 }, (_, at) => ({
      value: at * step * scale,
      label: label(at * step),
    })),
  }
}
