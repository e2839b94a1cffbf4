/** Density and mean speed on a square grid of pixels, row by row from the top of the box. */
export interface Field {
  /** Particles per pixel. */
  count: Float32Array
  /** Mean speed of the particles there; 0 where there are none. */
  speed: Float32Array
}

/**
 * Spreads every particle over the pixels around it, as a disk about as wide as its repulsion reaches.
 * Both arrays are [N, 2] and are read in place; y points upwards.
 */
export function densityOf(positions: Float32Array, velocities: Float32Array, size: number): Field {
  const count = new Float32Array(size * size)
  const speed = new Float32Array(size * size)
  for (let i = 0; i < positions.length; i += 2) {
    const x = clamp(positions[i]! * size - 0.5, size)
    const y = clamp((1 - positions[i + 1]!) * size - 0.5, size)
    const column = Math.floor(x)
    const row = Math.floor(y)
    const right = x - column
    const down = y - row
    const v = Math.hypot(velocities[i]!, velocities[i + 1]!)
    const pixel = row * size + column
    deposit(pixel, (1 - right) * (1 - down), v)
    deposit(pixel + 1, right * (1 - down), v)
    deposit(pixel + size, (1 - right) * down, v)
    deposit(pixel + size + 1, right * down, v)
  }
  function deposit(pixel: number, weight: number, v: number): void {
    count[pixel]! += weight
    speed[pixel]! += weight * v
  }

  const diameter = size / Math.sqrt(positions.length / 2)
  const radius = Math.max(1, Math.floor(Math.min(0.3 * diameter + 0.5, size / 8)))
  blur(count, size, radius)
  blur(speed, size, radius)
  for (let pixel = 0; pixel < count.length; pixel++)
    speed[pixel] = count[pixel]! > 1e-6 ? speed[pixel]! / count[pixel]! : 0
  return { count, speed }
}

const clamp = (at: number, size: number) => Math.min(Math.max(at, 0), size - 1.001)

/** Three running means along each axis: close to a Gaussian of that radius, at a cost without it. */
function blur(values: Float32Array, size: number, radius: number): void {
  const line = new Float32Array(size)
  for (let pass = 0; pass < 3; pass++) {
    for (let row = 0; row < size; row++) runningMean(values, row * size, 1, line, radius)
    for (let column = 0; column < size; column++) runningMean(values, column, size, line, radius)
  }
}

function runningMean(
  values: Float32Array,
  start: number,
  stride: number,
  line: Float32Array,
  radius: number,
): void {
  const size = line.length
  for (let i = 0; i < size; i++) line[i] = values[start + i * stride]!
  let sum = 0
  for (let i = 0; i < radius; i++) sum += line[i]!
  for (let i = 0; i < size; i++) {
    sum += (line[i + radius] ?? 0) - (line[i - radius - 1] ?? 0)
    // Near a wall the mean is over what there is, so that the edges are not darker.
    const width = Math.min(i + radius, size - 1) - Math.max(i - radius, 0) + 1
    values[start + i * stride] = Math.max(sum, 0) / width
  }
}
