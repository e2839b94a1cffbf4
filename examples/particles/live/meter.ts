// What the pages are told about the simulation and the processes.
import { readFileSync } from 'node:fs'
import type { Engine } from './engine.js'
import type { Figures, History, Status } from './page/protocol.js'

export class Meter {
  readonly #engine: Engine
  readonly #viewers: { readonly size: number }
  #before = { steps: 0, at: performance.now() }
  #stepsPerSecond = 0

  constructor(engine: Engine, viewers: { readonly size: number }) {
    this.#engine = engine
    this.#viewers = viewers
  }

  status(): Status {
    const { phase, reason, run, step, settings } = this.#engine
    const { particles, dt, temperature, seed, workers } = settings
    return { say: 'status', phase, reason, run, step, particles, dt, temperature, seed, workers }
  }

  history(): History {
    return { say: 'history', run: this.#engine.run, points: this.#engine.history }
  }

  figures(): Figures {
    const { run, step, stepsMade, energy, simulation } = this.#engine
    const { crossing, sharedBytes, copiedBytes, memoryBytes, states, pids } = simulation.stats()
    const at = performance.now()
    const seconds = (at - this.#before.at) / 1000
    // Over half a second and more: some steps take as long.
    if (seconds > 0.4) {
      this.#stepsPerSecond = (stepsMade - this.#before.steps) / seconds
      this.#before = { steps: stepsMade, at }
    }
    return {
      say: 'figures',
      run,
      step,
      stepsPerSecond: this.#stepsPerSecond,
      crossing: { p50: crossing.p50Microseconds, p99: crossing.p99Microseconds },
      sharedBytes,
      copiedBytes,
      memory: {
        node: privateMb(process.pid),
        python: pids.reduce((sum, pid) => sum + privateMb(pid), 0),
        shared: memoryBytes / 2 ** 20,
      },
      viewers: this.#viewers.size,
      states,
      energy,
    }
  }
}

/** Memory that the process shares with nobody; 0 when it has ended. */
function privateMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
