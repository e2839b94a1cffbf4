import { total } from './report.js'
import type { Energies } from './simulation.js'

const WIDTH = 800
const HEIGHT = 400
const LEFT = 90
const RIGHT = WIDTH - 110
const TOP = 40
const BOTTOM = HEIGHT - 60
/** Okabe and Ito's palette, told apart by the colour-blind, too. */
const CURVES = [
  { name: 'total', colour: '#000000', of: total },
  { name: 'kinetic', colour: '#d55e00', of: (e: Energies) => e.kinetic },
  { name: 'potential', colour: '#0072b2', of: (e: Energies) => e.potential },
]

/** An SVG of the energies after every step, `dt` apart in units of one collision. */
export function energyChart(history: readonly Energies[], dt: number): string {
  const largest = Math.max(...sampled(history).map(([, energies]) => total(energies)))
  const highest = 4 * roundUp(largest / 4 || 1)
  const last = Math.max(history.length - 1, 1)
  const x = (step: number) => LEFT + ((RIGHT - LEFT) * step) / last
  const y = (energy: number) => BOTTOM - ((BOTTOM - TOP) * energy) / highest
  const curves = CURVES.map(({ name, colour, of }) => {
    const points = sampled(history).map(
      ([step, e]) => `${x(step).toFixed(1)},${y(of(e)).toFixed(1)}`,
    )
    const end = history.at(-1)
    return (
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(' ')}"/>` +
      `<text x="${RIGHT + 8}" y="${(end ? y(of(end)) : BOTTOM) + 4}" fill="${colour}">${name}</text>`
    )
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(share => {
    const tx = LEFT + (RIGHT - LEFT) * share
    const ty = BOTTOM - (BOTTOM - TOP) * share
    return (
      `<line x1="${LEFT}" x2="${RIGHT}" y1="${ty}" y2="${ty}" stroke="#ddd"/>` +
      `<text x="${LEFT - 8}" y="${ty + 4}" text-anchor="end">${label(highest * share)}</text>` +
      `<text x="${tx}" y="${BOTTOM + 20}" text-anchor="middle">${label(last * dt * share)}</text>`
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Energy over time</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${ticks.join('\n')}
${curves.join('\n')}
<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">time, in units of one collision</text>
<text x="${LEFT}" y="${TOP - 16}">energy, in units of the repulsion</text>
</svg>
`
}

/** At most about a thousand steps, the last one among them: more than the chart has pixels. */
function sampled(history: readonly Energies[]): [number, Energies][] {
  const stride = Math.ceil(history.length / 1000)
  return history
    .map((energies, step): [number, Energies] => [step, energies])
    .filter(([step]) => step % stride === 0 || step === history.length - 1)
}

/** To one and a half digits, so that the ticks are round. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value)) / 2
  return Math.ceil(value / unit) * unit
}

const label = (value: number) => String(Number(value.toPrecision(3)))
