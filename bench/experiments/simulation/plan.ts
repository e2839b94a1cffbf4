// What every arm is told to run: SIMULATION_PLAN, as JSON.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Plan {
  readonly particles: number
  /** Steps that do not count, and those that do. */
  readonly warm: number
  readonly steps: number
  /** Steps that do nothing: the most, and for how long. */
  readonly empty: number
  readonly emptySeconds: number
}

/** In ranges of the force between two particles, the square root of their number being 1 / range. */
export const dt = 0.05

export const plans = (): Plan[] => JSON.parse(process.env.SIMULATION_PLAN ?? '[]') as Plan[]

/** Positions, velocities and forces of all particles, before the first step. */
export function firstState(particles: number): Float32Array {
  const folder = process.env.SIMULATION_FOLDER
  if (folder === undefined) throw new Error('SIMULATION_FOLDER does not say where the states are')
  return floats(join(folder, `${particles}-first.f32`))
}

/** What numpy has after all steps. */
export const lastState = (particles: number): Float32Array =>
  floats(join(process.env.SIMULATION_FOLDER ?? '', `${particles}-last.f32`))

function floats(file: string): Float32Array {
  const bytes = readFileSync(file)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}
