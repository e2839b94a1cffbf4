/**
 * Seventeen stops, evenly spaced, of the perceptually uniform colour map "inferno" by Nathaniel Smith
 * and Stefan van der Walt (CC0), https://bids.github.io/colormap/, as in matplotlib.
 */
const INFERNO = Buffer.from(
  '0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754' +
    'd04545e35933f1711ff98c0afcaa0ff9c932f2e865fcffa4',
  'hex',
)
const STOPS = INFERNO.length / 3

/** One channel (0 red, 1 green, 2 blue; 0 to 255) of the colour map at `value`, from 0 to 1. */
export function inferno(value: number, channel: number): number {
  const at = Math.min(Math.max(value, 0), 1) * (STOPS - 1)
  const stop = Math.min(Math.floor(at), STOPS - 2)
  const from = INFERNO[stop * 3 + channel]!
  const to = INFERNO[stop * 3 + 3 + channel]!
  return from + (to - from) * (at - stop)
}
