import { inferno } from './colour.js'
import { densityOf, type Field } from './field.js'
import { GLYPH_SIZE, glyphPixel } from './font.js'

const SIZE = 1200
const CAPTION_HEIGHT = 72
const HEIGHT = SIZE + CAPTION_HEIGHT
/** The dark end of the colour map is left to thin places: slow particles must be seen, too. */
const SLOWEST_COLOUR = 0.2
const TEXT_SCALE = 2
const TEXT_COLOUR = 200

export interface Picture {
  width: number
  height: number
  /** RGB, eight bits each. */
  data: Uint8Array
  channels: 3
}

/**
 * Draws the particles: brightness is the logarithm of their density, colour their mean speed.
 *
 * Positions lie in the unit box, y upwards; both arrays are [N, 2]. A colour bar and the caption
 * (printable ASCII) stand below the box.
 */
export function drawParticles(
  positions: Float32Array,
  velocities: Float32Array,
  caption: string,
): Picture {
  const field = densityOf(positions, velocities, SIZE)
  const data = new Uint8Array(SIZE * HEIGHT * 3)
  const densest = percentile(field.count, 0.995)
  const fastest = percentile(field.speed, 0.995) || 1
  shade(data, field, densest, fastest)

  const baseline = SIZE + (CAPTION_HEIGHT - GLYPH_SIZE * TEXT_SCALE) / 2
  write(data, caption, 24, baseline)
  const top = fastest.toPrecision(2)
  const barStart = SIZE - 24 - textWidth(top) - 12 - 240
  colourBar(data, barStart, baseline - 4, 240, GLYPH_SIZE * TEXT_SCALE + 8)
  write(data, 'speed 0', barStart - 12 - textWidth('speed 0'), baseline)
  write(data, top, barStart + 240 + 12, baseline)
  return { width: SIZE, height: HEIGHT, data, channels: 3 }
}

function shade(data: Uint8Array, field: Field, densest: number, fastest: number): void {
  const contrast = 8
  const scale = 1 / Math.log1p(contrast)
  for (let pixel = 0; pixel < field.count.length; pixel++) {
    const density = Math.min(field.count[pixel]! / densest, 1)
    if (!(density > 0)) continue
    const brightness = Math.log1p(contrast * density) * scale
    const value = colourOf(field.speed[pixel]! / fastest)
    for (let channel = 0; channel < 3; channel++)
      data[pixel * 3 + channel] = brightness * inferno(value, channel)
  }
}

const colourOf = (speed: number) => SLOWEST_COLOUR + (1 - SLOWEST_COLOUR) * Math.min(speed, 1)

/** Of the values above zero; estimated from at most 100,000 of them. */
function percentile(values: Float32Array, share: number): number {
  const stride = Math.max(1, Math.floor(values.length / 100_000))
  const sample = values.filter((value, i) => i % stride === 0 && value > 0).sort()
  return sample[Math.floor((sample.length - 1) * share)] ?? 0
}

function colourBar(data: Uint8Array, x: number, y: number, width: number, height: number): void {
  for (let column = 0; column < width; column++)
    for (let row = 0; row < height; row++)
      for (let channel = 0; channel < 3; channel++)
        data[((y + row) * SIZE + x + column) * 3 + channel] = inferno(
          colourOf(column / (width - 1)),
          channel,
        )
}

const textWidth = (text: string) => text.length * GLYPH_SIZE * TEXT_SCALE

function write(data: Uint8Array, text: string, x: number, y: number): void {
  const height = GLYPH_SIZE * TEXT_SCALE
  const width = Math.min(textWidth(text), SIZE - x)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const letter = text[Math.floor(column / height)] ?? ' '
      const glyphColumn = Math.floor((column % height) / TEXT_SCALE)
      if (!glyphPixel(letter, glyphColumn, Math.floor(row / TEXT_SCALE))) continue
      data.fill(
        TEXT_COLOUR,
        ((y + row) * SIZE + x + column) * 3,
        ((y + row) * SIZE + x + column + 1) * 3,
      )
    }
}
