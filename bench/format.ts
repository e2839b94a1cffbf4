// How quantities are written.
import type { Ratio } from './statistics.js'

/** Three significant digits, without an exponent; whole numbers stay whole. */
export function digits(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return places === 0
    ? Math.round(value).toLocaleString('en-US')
    : value.toFixed(Math.min(places, 3))
}

export function time(ns: number): string {
  if (!Number.isFinite(ns)) return '–'
  if (ns < 1000) return `${Math.round(ns)} ns`
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`
  return `${digits(ns / 1e9)} s`
}

export function bytes(count: number): string {
  if (count >= 2 ** 30) return `${count / 2 ** 30} GB`
  if (count >= 2 ** 20) return `${digits(count / 2 ** 20)} MB`
  if (count >= 2 ** 10) return `${count / 2 ** 10} KB`
  return `${count} B`
}

/** A ratio such as `12.3 ×`. */
export const times = (ratio: number): string =>
  Number.isFinite(ratio) ? `${digits(ratio)} ×` : '–'

/** A ratio with its interval, such as `16.1 × ± 8 %`; the interval of a wide one by its ends, `16 × (9.1–28)`. */
export function interval({ value, low, high, width }: Ratio): string {
  if (low === undefined || high === undefined || width === undefined) return times(value)
  const percent = 100 * Math.expm1(width)
  if (percent >= 30) return `${times(value)} (${rough(low)}–${rough(high)})`
  return `${times(value)} ± ${percent < 1 ? percent.toFixed(1) : Math.round(percent)} %`
}

/** Two significant digits. */
function rough(value: number): string {
  const places = Math.max(0, 1 - Math.floor(Math.log10(Math.abs(value))))
  return places === 0
    ? Number(value.toPrecision(2)).toLocaleString('en-US')
    : value.toFixed(Math.min(places, 3))
}

/** A length of time for people: `45 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
