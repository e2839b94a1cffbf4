import { SingleBar } from 'cli-progress'

/** Shows how far the run is, on stderr: a bar on a terminal, ten lines elsewhere. */
export interface Progress {
  update(step: number, note: string): void
  stop(): void
}

/** @param first the step that the run begins with, 0 unless it was resumed */
export function startProgress(first: number, steps: number): Progress {
  return process.stderr.isTTY ? bar(first, steps) : lines(steps)
}

function bar(first: number, steps: number): Progress {
  const pace = new Pace(first)
  const single = new SingleBar({
    format: '{bar} {percentage} % | step {value}/{total} | {pace} | {note} | {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    etaBuffer: 50,
    hideCursor: null,
    // Its handler would swallow the first Ctrl-C.
    gracefulExit: false,
  })
  single.start(steps, first, { note: 'starting', pace: '' })
  return {
    update: (step, note) => single.update(step, { note, pace: pace.at(step) }),
    stop: () => single.stop(),
  }
}

function lines(steps: number): Progress {
  const every = Math.max(1, Math.ceil(steps / 10))
  return {
    update(step, note) {
      if (step % every === 0 || step === steps) console.error(`step ${step}/${steps}, ${note}`)
    },
    stop() {},
  }
}

/** Steps per second, over the last seconds: they change as the particles gather. */
export class Pace {
  static readonly #seconds = 3
  readonly #now: () => number
  #marks: { step: number; at: number }[]

  /** @param now in milliseconds */
  constructor(first: number, now: () => number = () => performance.now()) {
    this.#now = now
    this.#marks = [{ step: first, at: now() }]
  }

  at(step: number): string {
    const at = this.#now()
    // One mark in a tenth of that time, and the newest.
    const { at: marked } = this.#marks.at(-1)!
    const [oldest] = this.#marks
    const rate = (1000 * (step - oldest!.step)) / (at - oldest!.at)
    if (at - marked >= 100 * Pace.#seconds) {
      this.#marks.push({ step, at })
      this.#marks = this.#marks.slice(-10)
    }
    return Number.isFinite(rate) ? `${rate.toPrecision(3)} steps/s` : ''
  }
}
