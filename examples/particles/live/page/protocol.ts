// What the server and the page say to each other. Both compile this file, so it knows neither Node nor the DOM.
//
// A frame is one binary message: a header, then the positions and then the velocities of all particles.
//
//   byte   0  'ISTF', 4 letters
//          4  uint32    particles, N
//          8  uint32    run: another one after each reset and each change of N
//         12  float32   side of the box, in which positions are measured
//         16  float64   step of the run
//         24  float64   time since the start of the run, in units of one collision
//         32  float64   kinetic energy of all particles
//         40  float32   x0 y0 x1 y1 …   N positions
//   40 + 8N  float32   the same of N velocities
//
// All numbers are little-endian, as in every machine that Isthmus runs on. Everything else is JSON in text messages.

export const socketPath = '/live'

export const headerBytes = 40
const magic = 0x46545349
const littleEndian = true

/** How many frames a page may have asked for and not yet received. */
export const mostAsked = 2

export interface FrameHeader {
  readonly particles: number
  readonly run: number
  readonly box: number
  readonly step: number
  readonly time: number
  readonly kinetic: number
}

export interface Frame extends FrameHeader {
  readonly positions: Float32Array
  readonly velocities: Float32Array
}

export function encodeHeader(header: FrameHeader): Uint8Array {
  const view = new DataView(new ArrayBuffer(headerBytes))
  view.setUint32(0, magic, littleEndian)
  view.setUint32(4, header.particles, littleEndian)
  view.setUint32(8, header.run, littleEndian)
  view.setFloat32(12, header.box, littleEndian)
  view.setFloat64(16, header.step, littleEndian)
  view.setFloat64(24, header.time, littleEndian)
  view.setFloat64(32, header.kinetic, littleEndian)
  return new Uint8Array(view.buffer)
}

/** Views of the message, not copies. @throws if it is not a frame */
export function decodeFrame(message: ArrayBuffer): Frame {
  const view = new DataView(message)
  if (message.byteLength < headerBytes || view.getUint32(0, littleEndian) !== magic)
    throw new Error(`not a frame: ${message.byteLength} bytes`)
  const particles = view.getUint32(4, littleEndian)
  if (message.byteLength !== headerBytes + 16 * particles)
    throw new Error(`a frame of ${particles} particles in ${message.byteLength} bytes`)
  return {
    particles,
    run: view.getUint32(8, littleEndian),
    box: view.getFloat32(12, littleEndian),
    step: view.getFloat64(16, littleEndian),
    time: view.getFloat64(24, littleEndian),
    kinetic: view.getFloat64(32, littleEndian),
    positions: new Float32Array(message, headerBytes, 2 * particles),
    velocities: new Float32Array(message, headerBytes + 8 * particles, 2 * particles),
  }
}

export interface Range {
  readonly least: number
  readonly most: number
  readonly whole?: boolean
}

/** What the controls take; the server refuses anything else. */
export const ranges = {
  /** Length of a step, in units of one collision. Far above 0.2, energy is not conserved. */
  dt: { least: 0.001, most: 0.2 },
  particles: { least: 1, most: 1_000_000, whole: true },
  /** In units of the repulsion. */
  temperature: { least: 0.0001, most: 1 },
  /** The seed of a reset. */
  reset: { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true },
} satisfies Record<string, Range>

export type Setting = keyof typeof ranges
export const plainRequests = ['frame', 'pause', 'resume', 'step'] as const
export type PlainRequest = (typeof plainRequests)[number]

/** From the page. `frame` asks for one frame, newer than the last one sent; the others are the controls. */
export type Request =
  | { readonly ask: PlainRequest }
  | { readonly ask: Setting; readonly value: number }

/** `working`: the particles of another run are being made. `resting`: nobody had looked for a while. */
export type Phase = 'running' | 'paused' | 'working' | 'resting' | 'failed'

export interface Status {
  readonly say: 'status'
  readonly phase: Phase
  /** Why it has failed, or empty. */
  readonly reason: string
  readonly run: number
  readonly step: number
  readonly particles: number
  readonly dt: number
  readonly temperature: number
  readonly seed: number
  readonly workers: number
}

/** In units of the repulsion, of all particles together; `time` as in a frame. */
export interface EnergyPoint {
  readonly time: number
  readonly kinetic: number
  readonly potential: number
}

export interface Figures {
  readonly say: 'figures'
  readonly run: number
  readonly step: number
  readonly stepsPerSecond: number
  /** What a step takes beyond the time that Python says it took, in µs. */
  readonly crossing: { readonly p50: number; readonly p99: number }
  readonly sharedBytes: number
  readonly copiedBytes: number
  /** Private memory of the processes, and the memory that they share, in MB. */
  readonly memory: { readonly node: number; readonly python: number; readonly shared: number }
  readonly viewers: number
  /** States of the simulation in memory: those that steps use, and those that are on their way to viewers. */
  readonly states: number
  readonly energy: EnergyPoint
}

/** The energies of the run so far, some of them: sent to a page that has just come, and when a run begins. */
export interface History {
  readonly say: 'history'
  readonly run: number
  readonly points: readonly EnergyPoint[]
}

/** What a request could not do, for the one who made it. */
export interface Failure {
  readonly say: 'failure'
  readonly text: string
}

export type Answer = Status | Figures | History | Failure
