import { infernoStops } from './inferno.js'

const last = infernoStops.length - 1

/** One channel (0 red, 1 green, 2 blue; 0 to 255) of the colour map at `value`, from 0 to 1. */
export function inferno(value: number, channel: number): number {
  const at = Math.min(Math.max(value, 0), 1) * last
  const stop = Math.min(Math.floor(at), last - 1)
  const from = infernoStops[stop]![channel]!
  const to = infernoStops[stop + 1]![channel]!
  return from + (to - from) * (at - stop)
}
