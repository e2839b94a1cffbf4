// The page: asks for a frame, draws the newest one when the browser is about to paint, asks for the next.
import { Connection } from './connection.js'
import { Controls } from './controls.js'
import { element, setText } from './elements.js'
import { EnergyPlot } from './energy-plot.js'
import { cssGradient, Points } from './points.js'
import { type Answer, type Frame, mostAsked, type Status } from './protocol.js'

/** Without motion, the picture changes so often. */
const stillMs = 1000

const canvas = element('picture', HTMLCanvasElement)
const overlay = element('overlay', HTMLElement)
const statusLine = element('status', HTMLElement)
const grouped = new Intl.NumberFormat('en-US')

/** One is on its way while another one is drawn. */
const inFlight = Math.min(
  Number(new URLSearchParams(location.search).get('frames')) || 2,
  mostAsked,
)

let points: Points | undefined
let newest: Frame | undefined
/** Whether the newest frame has not been drawn yet. */
let fresh = false
let drawn = 0
let drawnAt = 0
let drawnRun = -1
/** Frames that were asked for and have not come. */
let asked = 0
let status: Status | undefined

function say(text: string, phase: string): void {
  if (statusLine.textContent !== text) statusLine.textContent = text
  statusLine.dataset.phase = phase
}

/** What is wrong over the picture: with the graphics, until it works again; with a request, until the next status. */
const wrong: { graphics?: string | undefined; request?: string | undefined } = {}

function complain(about: keyof typeof wrong, text?: string): void {
  wrong[about] = text
  const shown = wrong.graphics ?? wrong.request
  overlay.hidden = shown === undefined
  overlay.textContent = shown ?? ''
}

const controls = new Controls({
  ask: request => connection.ask(request),
  motion: () => {
    drawnAt = 0
  },
})
const plot = new EnergyPlot()
element('scale', HTMLElement).style.background = cssGradient

const connection = new Connection({
  opened() {
    controls.enable(true)
    fresh = false
    asked = 0
    askForFrames()
  },
  lost(seconds) {
    controls.enable(false)
    status = undefined
    say(`Connection lost; trying again in ${seconds} s`, 'lost')
  },
  frame(frame) {
    asked--
    newest = frame
    fresh = true
  },
  answer: heard,
})

function heard(answer: Answer): void {
  if (answer.say === 'status') {
    complain('request', answer.reason || undefined)
    if (status?.temperature !== answer.temperature) plot.rebase()
    status = answer
    controls.show(answer)
    say(sentence(answer), answer.phase)
  } else if (answer.say === 'history') plot.begin(answer.points, status?.particles ?? 1)
  else if (answer.say === 'failure') complain('request', answer.text)
  else {
    if (answer.run === status?.run) plot.add(answer.energy, status.particles)
    setText('steps-per-second', answer.stepsPerSecond.toPrecision(3))
    setText('crossing-p50', microseconds(answer.crossing.p50))
    setText('crossing-p99', microseconds(answer.crossing.p99))
    setText('shared-bytes', bytes(answer.sharedBytes))
    setText('copied-bytes', grouped.format(answer.copiedBytes))
    element('copied-bytes', HTMLElement).dataset.good = String(answer.copiedBytes === 0)
    for (const name of ['node', 'python', 'shared'] as const)
      setText(`memory-${name}`, `${answer.memory[name].toFixed(0)} MB`)
  }
}

function sentence({ phase, step, particles, workers }: Status): string {
  const many = `${grouped.format(particles)} ${particles === 1 ? 'particle' : 'particles'}`
  const where = workers === 1 ? '' : ` in ${workers} processes`
  if (phase === 'running') return `Running: ${many}${where}`
  if (phase === 'paused') return `Paused at step ${grouped.format(step)}`
  if (phase === 'resting') return 'Resting'
  return phase === 'working' ? `Making ${many}…` : 'The simulation has failed: start again'
}

const microseconds = (us: number) =>
  us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(2)} ms`

function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), 4)
  return `${(count / 1000 ** power).toPrecision(4)} ${['B', 'KB', 'MB', 'GB', 'TB'][power]}`
}

function paint(now: number): void {
  requestAnimationFrame(paint)
  if (!fresh || newest === undefined || points === undefined || points.lost) return
  if (!controls.motion && now - drawnAt < stillMs && newest.run === drawnRun) return
  points.draw(newest)
  fresh = false
  window.framesDrawn = ++drawn
  drawnAt = now
  drawnRun = newest.run
  canvas.dataset.step = String(newest.step)
  setText('step-number', grouped.format(newest.step))
  askForFrames()
}

/** Only when one has been drawn: a hidden tab draws none, and is sent none. */
function askForFrames(): void {
  for (; asked < inFlight; asked++) connection.ask({ ask: 'frame' })
}

declare global {
  interface Window {
    /** For programs that watch the page. */
    framesDrawn: number
  }
}

let before = { drawn: 0, at: performance.now() }
setInterval(() => {
  const at = performance.now()
  setText('frames-per-second', ((1000 * (drawn - before.drawn)) / (at - before.at)).toFixed(1))
  before = { drawn, at }
}, 1000)

new ResizeObserver(() => {
  const scale = Math.min(devicePixelRatio, 2)
  canvas.width = canvas.height = Math.max(1, Math.round(canvas.clientWidth * scale))
  // A canvas of another size is empty.
  if (newest !== undefined && points?.lost === false) points.draw(newest)
}).observe(canvas)

canvas.addEventListener('webglcontextlost', event => {
  event.preventDefault()
  complain(
    'graphics',
    'The graphics context was lost; the picture comes back when the browser gives another one.',
  )
})
canvas.addEventListener('webglcontextrestored', () => {
  points?.restore()
  complain('graphics')
  if (newest !== undefined) points?.draw(newest)
})

try {
  points = new Points(canvas)
  canvas.dataset.renderer = points.renderer
  requestAnimationFrame(paint)
} catch (error) {
  complain(
    'graphics',
    `No picture: ${error instanceof Error ? error.message : error}. Figures and controls work; ` +
      'a current browser with hardware acceleration, or software rendering allowed, shows the particles.',
  )
}
