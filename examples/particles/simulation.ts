/** The simulation as Node sees it: states in shared memory, and Python that steps from one into another. */
import { createHistogram } from 'node:perf_hooks'
import { type Bridge, kwargs, type Pool, pool, spawn, type Tensor } from 'isthmus'

/** What particles.py returns, of all blocks together. */
export interface Energies {
  kinetic: number
  potential: number
  /** How long Python took, by its own clock; of several blocks, the slowest. */
  seconds: number
}

/** How a simulation begins: the arguments of `init` in particles.py. */
export interface Start {
  particles: number
  seed: number
  temperature: number
  swirl: number
}

export interface SimulationOptions extends Start {
  /** In units of one collision, s sqrt(m/k): see particles.py. */
  dt: number
  /** Processes that compute each step together. Default 1. */
  workers?: number
}

/** A state that was kept somewhere, to go on from instead of a new one. */
export interface Kept {
  step: number
  energies: Energies
  /** Fills positions, velocities and forces, [3, N, 2]. */
  read(into: Float32Array): Promise<void>
}

/** The arrays are views of shared memory, of shape [N, 2], which a later step writes again unless the state is held. */
export interface State {
  readonly step: number
  readonly energies: Energies
  readonly particles: number
  readonly positions: Float32Array
  readonly velocities: Float32Array
  readonly forces: Float32Array
  /** Positions, velocities and forces: the whole state, [3, N, 2]. */
  readonly planes: Float32Array
  /** Positions, then velocities, as bytes: what a viewer needs. */
  readonly bytes: Uint8Array
}

/** A state that nothing writes to until it is released. */
export interface Held extends State, Disposable {
  release(): void
}

export interface SimulationStats {
  /** Since the simulation was opened. */
  steps: number
  /** Of the slowest block of each step. */
  pythonSeconds: number
  /** A step's round trip minus the time that Python says it took. */
  crossing: { seconds: number; p50Microseconds: number; p99Microseconds: number }
  sharedBytes: number
  copiedBytes: number
  /** Shared memory that exists. */
  memoryBytes: number
  /** States that exist: two, and one more for each that is held. */
  states: number
  /** The Python processes. */
  pids: number[]
}

/** Where a state lies. */
interface Place {
  readonly tensor: Tensor<'float32'>
  readonly views: Omit<State, 'step' | 'energies'>
}

interface Current {
  readonly place: Place
  readonly state: State
  holders: number
}

/** More places than this that nobody uses are given up. One is what a step needs; the other, what the next hold does. */
const SPARE = 2

/**
 * Each step reads one state and writes another one, which is then `current`. So a finished state stays as it is while
 * somebody holds it, and the simulation goes on meanwhile. Calls of methods that compute take their turns.
 */
export class Simulation implements AsyncDisposable {
  /** Of the steps that follow. */
  dt: number
  readonly workers: number
  readonly #python: Bridge | Pool
  readonly #crossing = createHistogram()
  #current: Current | undefined
  #free: Place[] = []
  #places = 0
  #steps = 0
  #pythonSeconds = 0
  #crossingSeconds = 0
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(python: Bridge | Pool, dt: number, workers: number) {
    this.#python = python
    this.dt = dt
    this.workers = workers
  }

  /** Starts Python and makes the first state, or takes up one that was kept. */
  static async open(options: SimulationOptions, kept?: Kept): Promise<Simulation> {
    const { dt, workers = 1 } = options
    const source = new URL('./particles.py', import.meta.url)
    const python = await (workers > 1 ? pool(source, { workers }) : spawn(source))
    const simulation = new Simulation(python, dt, workers)
    try {
      if (kept) await simulation.#restore(options.particles, kept)
      else await simulation.reset(options)
    } catch (error) {
      await python.close({ force: true })
      throw error
    }
    return simulation
  }

  /** The newest finished state. */
  get current(): State {
    return this.#now.state
  }

  /** Computes the next state. If it rejects, `current` is what it was. */
  step(): Promise<Energies> {
    return this.#inTurn(async () => {
      const { place: now, state } = this.#now
      const { dt, workers } = this
      const called = performance.now()
      const energies = await this.#write(state.particles, state.step + 1, async after => {
        const blocks = Array.from({ length: workers }, (_, block) =>
          this.#python.call('step', now.tensor, after, dt, block, workers),
        )
        // All of them, also when one has failed: nobody may write there any more when the place is used again.
        await Promise.allSettled(blocks)
        return together((await Promise.all(blocks)) as Energies[])
      })
      this.#count((performance.now() - called) / 1000, energies.seconds)
      return energies
    })
  }

  /** Multiplies all velocities, so that the kinetic energy per particle is `temperature`. It is no step. */
  rescale(temperature: number): Promise<Energies> {
    return this.#inTurn(() => {
      const { place: now, state } = this.#now
      return this.#write(state.particles, state.step, after =>
        this.#python.call('rescale', now.tensor, after, temperature),
      )
    })
  }

  /** Begins anew, with the same processes. */
  reset({ particles, seed, temperature, swirl }: Start): Promise<Energies> {
    return this.#inTurn(() =>
      this.#write(particles, 0, state =>
        this.#python.call('init', state, kwargs({ seed, temperature, swirl })),
      ),
    )
  }

  /** The current state, until it is released; the steps that follow write elsewhere. */
  hold(): Held {
    const held = this.#now
    held.holders++
    let released = false
    const release = () => {
      if (released) return
      released = true
      held.holders--
      this.#leave(held)
    }
    return { ...held.state, release, [Symbol.dispose]: release }
  }

  stats(): SimulationStats {
    const python = this.#python
    const { sharedBytes, copiedBytes, physicalBytes } = python.stats()
    return {
      steps: this.#steps,
      pythonSeconds: this.#pythonSeconds,
      crossing: {
        seconds: this.#crossingSeconds,
        p50Microseconds: this.#crossing.percentile(50) / 1000,
        p99Microseconds: this.#crossing.percentile(99) / 1000,
      },
      sharedBytes,
      copiedBytes,
      memoryBytes: physicalBytes,
      states: this.#places,
      pids: 'pid' in python ? [python.pid] : python.stats().workers.map(({ pid }) => pid),
    }
  }

  /** Ends Python. States that are held stay valid. */
  close(): Promise<void> {
    return this.#python.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #now(): Current {
    if (!this.#current) throw new Error('the simulation has no state yet')
    return this.#current
  }

  #restore(particles: number, { step, energies, read }: Kept): Promise<Energies> {
    return this.#inTurn(() =>
      this.#write(particles, step, async ({ data }) => {
        await read(data)
        return energies
      }),
    )
  }

  /** Makes a state, which is then the current one. */
  async #write(
    particles: number,
    step: number,
    fill: (tensor: Tensor<'float32'>) => Promise<unknown>,
  ): Promise<Energies> {
    const place = this.#vacant(particles)
    let energies: Energies
    try {
      energies = (await fill(place.tensor)) as Energies
    } catch (error) {
      this.#vacate(place)
      throw error
    }
    const last = this.#current
    this.#current = { place, state: { ...place.views, step, energies }, holders: 0 }
    if (last) this.#leave(last)
    return energies
  }

  #vacant(particles: number): Place {
    const known = this.#free.findIndex(({ views }) => views.particles === particles)
    if (known >= 0) return this.#free.splice(known, 1)[0]!
    const tensor = this.#python.tensor('float32', [3, particles, 2], { uninitialized: true })
    this.#places++
    return { tensor, views: viewsOf(tensor.data) }
  }

  #leave(state: Current): void {
    if (state !== this.#current && state.holders === 0) this.#vacate(state.place)
  }

  #vacate(place: Place): void {
    this.#free.push(place)
    const { particles } = this.#current?.place.views ?? place.views
    const fitting = this.#free.filter(({ views }) => views.particles === particles).slice(0, SPARE)
    for (const { tensor } of this.#free.filter(each => !fitting.includes(each))) {
      tensor.dispose()
      this.#places--
    }
    this.#free = fitting
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  #count(seconds: number, pythonSeconds: number): void {
    const crossing = seconds - pythonSeconds
    this.#crossing.record(Math.max(1, Math.round(crossing * 1e9)))
    this.#crossingSeconds += crossing
    this.#pythonSeconds += pythonSeconds
    this.#steps++
  }
}

function viewsOf(planes: Float32Array): Place['views'] {
  const plane = planes.length / 3
  const [positions, velocities, forces] = [0, 1, 2].map(at =>
    planes.subarray(at * plane, (at + 1) * plane),
  ) as [Float32Array, Float32Array, Float32Array]
  const bytes = new Uint8Array(planes.buffer, planes.byteOffset, 2 * positions.byteLength)
  return { particles: plane / 2, positions, velocities, forces, planes, bytes }
}

/** Of the blocks of one step. */
function together(blocks: readonly Energies[]): Energies {
  const sum = (of: 'kinetic' | 'potential') => blocks.reduce((all, block) => all + block[of], 0)
  const seconds = Math.max(...blocks.map(block => block.seconds))
  return { kinetic: sum('kinetic'), potential: sum('potential'), seconds }
}
