// The particles as translucent points of WebGL 2: a crowd hides the dark ground; the colour is the speed.
import { infernoStops } from '../../inferno.js'
import type { Frame } from './protocol.js'

const vertexShader = `#version 300 es
layout(location = 0) in vec2 position;
layout(location = 1) in vec2 velocity;
uniform float box;
uniform float size;
uniform float fastest;
uniform float opacity;
uniform sampler2D colours;
out vec3 colour;
void main() {
  gl_Position = vec4(2.0 * position / box - 1.0, 0.0, 1.0);
  gl_PointSize = size;
  float speed = min(length(velocity) / fastest, 1.0);
  colour = opacity * texture(colours, vec2(mix(0.16, 0.98, speed), 0.5)).rgb;
}`

/** A disk whose rim fades over a pixel; smaller ones are squares, and their brightness says how much they cover. */
const fragmentShader = `#version 300 es
precision highp float;
in vec3 colour;
uniform float size;
uniform float opacity;
out vec4 light;
void main() {
  float far = length(gl_PointCoord - 0.5) * size;
  float cover = size < 3.0 ? 1.0 : clamp(0.5 * size - far + 0.5, 0.0, 1.0);
  light = vec4(colour, opacity) * cover;
}`

/** Speeds at the end of the colour map, in root mean square speeds. */
const fastestInRms = 2.2

/** Where particles overlap, the ones below shine through. */
const opaque = 0.8

/** What the particles look like that reach to their neighbours: a little less than what they repel. */
const sizeInDiameters = 1.15

interface Program {
  readonly program: WebGLProgram
  readonly uniform: (name: string) => WebGLUniformLocation | null
  readonly buffer: WebGLBuffer
}

export class Points {
  readonly #canvas: HTMLCanvasElement
  readonly #gl: WebGL2RenderingContext
  #program: Program

  /** @throws when the browser has no WebGL 2 */
  constructor(canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', {
      alpha: false,
      antialias: false,
      depth: false,
      powerPreference: 'high-performance',
    })
    if (gl === null) throw new Error('this browser has no WebGL 2')
    this.#canvas = canvas
    this.#gl = gl
    this.#program = programOf(gl)
  }

  /** After the context was lost and has come back: everything in it is gone. */
  restore(): void {
    this.#program = programOf(this.#gl)
  }

  get lost(): boolean {
    return this.#gl.isContextLost()
  }

  /** What the graphics is, as far as the browser says. */
  get renderer(): string {
    const gl = this.#gl
    const extension = gl.getExtension('WEBGL_debug_renderer_info')
    return String(gl.getParameter(extension?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
  }

  draw({ particles, box, kinetic, positions, velocities }: Frame): void {
    const gl = this.#gl
    const { width, height } = this.#canvas
    const { program, uniform, buffer } = this.#program
    const rms = Math.sqrt((2 * kinetic) / particles)
    const diameter = (width / Math.sqrt(particles)) * sizeInDiameters
    const size = Math.max(1, diameter)
    gl.viewport(0, 0, width, height)
    gl.clearColor(0.024, 0.016, 0.05, 1)
    gl.clear(gl.COLOR_BUFFER_BIT)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    gl.useProgram(program)
    gl.uniform1f(uniform('box'), box)
    gl.uniform1f(uniform('size'), size)
    gl.uniform1f(uniform('fastest'), Math.max(fastestInRms * rms, 1e-9))
    // A particle that is smaller than its pixel covers that part of it.
    gl.uniform1f(uniform('opacity'), opaque * Math.max((diameter / size) ** 2, 0.1))
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
    // A new store for each frame: the driver need not wait until the last one has been drawn.
    gl.bufferData(gl.ARRAY_BUFFER, positions.byteLength + velocities.byteLength, gl.STREAM_DRAW)
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, positions)
    gl.bufferSubData(gl.ARRAY_BUFFER, positions.byteLength, velocities)
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0)
    gl.vertexAttribPointer(1, 2, gl.FLOAT, false, 0, positions.byteLength)
    gl.drawArrays(gl.POINTS, 0, particles)
  }
}

function programOf(gl: WebGL2RenderingContext): Program {
  const program = gl.createProgram()
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexShader],
    [gl.FRAGMENT_SHADER, fragmentShader],
  ] as const) {
    const shader = gl.createShader(kind)
    if (shader === null) continue // only when the context is lost: it is restored later
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`the shaders do not link: ${gl.getProgramInfoLog(program)}`)
  gl.enableVertexAttribArray(0)
  gl.enableVertexAttribArray(1)
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture())
  const texels = new Uint8Array(infernoStops.flatMap(stop => [...stop, 255]))
  const width = infernoStops.length
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE)
  const places = new Map<string, WebGLUniformLocation | null>()
  const uniform = (name: string) => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name))
    return places.get(name) ?? null
  }
  return { program, uniform, buffer: gl.createBuffer() }
}

/** The colour map as a gradient of CSS. */
export const cssGradient = `linear-gradient(to right, ${infernoStops
  .slice(2)
  .map(stop => `rgb(${stop.join(' ')})`)
  .join(', ')})`
