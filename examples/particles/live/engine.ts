// The loop that steps the simulation as fast as it goes, and obeys the controls between two steps.
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { type Held, Simulation } from '../simulation.js'
import { EnergyHistory } from './energy-history.js'
import type { EnergyPoint, Phase, Request } from './page/protocol.js'
import { RequestError } from './request.js'

export interface Settings {
  readonly particles: number
  readonly dt: number
  readonly seed: number
  readonly temperature: number
  readonly swirl: number
  readonly workers: number
}

interface Order {
  readonly request: Request
  resolve(): void
  reject(error: Error): void
}

interface Events {
  /** There is a newer state. */
  state: []
  /** The phase, a setting or the run is another one. */
  status: []
  /** Another run has begun. */
  run: []
}

/** Controls that wait for the step that is being made; a page that sends more is refused. */
const mostOrders = 16

export class Engine extends EventEmitter<Events> implements AsyncDisposable {
  #simulation: Simulation
  #settings: Settings
  #phase: Phase = 'running'
  #reason = ''
  #paused = false
  #resting = false
  #closing = false
  #run = 1
  #version = 1
  #stepsMade = 0
  #time = 0
  #history: EnergyHistory
  #orders: Order[] = []
  #wake = () => {}
  readonly #ended: Promise<void>

  static async open(settings: Settings): Promise<Engine> {
    return new Engine(settings, await Simulation.open(settings))
  }

  private constructor(settings: Settings, simulation: Simulation) {
    super()
    this.#settings = settings
    this.#simulation = simulation
    this.#history = new EnergyHistory(this.#point())
    this.#ended = this.#loop()
  }

  get settings(): Settings {
    return this.#settings
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Why it has failed. */
  get reason(): string {
    return this.#phase === 'failed' ? this.#reason : ''
  }

  get run(): number {
    return this.#run
  }

  /** Of the run. */
  get step(): number {
    return this.#simulation.current.step
  }

  /** In units of one collision. */
  get time(): number {
    return this.#time
  }

  /** Of all runs. */
  get stepsMade(): number {
    return this.#stepsMade
  }

  /** Grows with every state. */
  get version(): number {
    return this.#version
  }

  get energy(): EnergyPoint {
    return this.#point()
  }

  get history(): readonly EnergyPoint[] {
    return this.#history.points
  }

  get simulation(): Pick<Simulation, 'stats'> {
    return this.#simulation
  }

  /** Pins the newest state: nobody writes into it until it is released. */
  hold(): Held {
    return this.#simulation.hold()
  }

  /** Resolves when it has been done. @throws RequestError */
  ask(request: Request): Promise<void> {
    if (this.#closing) return Promise.reject(new RequestError('the simulation is being closed'))
    if (this.#orders.length >= mostOrders)
      return Promise.reject(new RequestError('too many requests at once'))
    return new Promise((resolve, reject) => {
      this.#orders.push({ request, resolve, reject })
      this.#wake()
    })
  }

  /** Nobody looks: no further step until somebody does. */
  rest(resting: boolean): void {
    if (this.#resting === resting) return
    this.#resting = resting
    this.#wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.#wake()
    await this.#ended
    await this.#simulation[Symbol.asyncDispose]()
    this.removeAllListeners()
  }

  async #loop(): Promise<void> {
    while (!this.#closing) {
      const order = this.#orders.shift()
      if (order !== undefined) await this.#obey(order)
      else if (this.#phase === 'failed' || this.#paused || this.#resting) await this.#asleep()
      else {
        this.#enter('running')
        await this.#advance().catch((error: Error) => this.#fail(error))
        // Sockets are served between two steps, however short they are.
        await turn()
      }
    }
    for (const { reject } of this.#orders) reject(new RequestError('the simulation was closed'))
  }

  #enter(phase: Phase): void {
    if (this.#phase === phase) return
    this.#phase = phase
    this.emit('status')
  }

  #fail({ message }: Error): void {
    this.#reason = message
    this.#enter('failed')
  }

  async #asleep(): Promise<void> {
    if (this.#phase !== 'failed') this.#enter(this.#paused ? 'paused' : 'resting')
    await new Promise<void>(resolve => {
      this.#wake = resolve
      if (this.#orders.length > 0 || this.#closing) resolve()
    })
    this.#wake = () => {}
  }

  async #advance(): Promise<void> {
    const { dt } = this.#settings
    await this.#simulation.step()
    this.#time += dt
    this.#stepsMade++
    this.#history.add(this.#point())
    this.#changed()
  }

  #point(): EnergyPoint {
    const { kinetic, potential } = this.#simulation.current.energies
    return { time: this.#time, kinetic, potential }
  }

  #changed(): void {
    this.#version++
    this.emit('state')
  }

  async #obey({ request, resolve, reject }: Order): Promise<void> {
    try {
      await this.#done(request)
      resolve()
    } catch (error) {
      reject(error as Error)
    }
  }

  async #done(request: Request): Promise<void> {
    if (this.#phase === 'failed' && request.ask !== 'reset' && request.ask !== 'particles')
      throw new RequestError('the simulation has failed: start again')
    switch (request.ask) {
      case 'pause':
        this.#paused = true
        return this.#enter('paused')
      case 'resume':
        this.#paused = false
        return this.#enter('running')
      case 'step':
        // From a run that goes on, the first step is the one at which it stops.
        this.#paused = true
        await this.#advance()
        this.#phase = 'paused'
        return void this.emit('status')
      case 'dt':
        this.#settings = { ...this.#settings, dt: request.value }
        this.#simulation.dt = request.value
        return void this.emit('status')
      case 'temperature':
        await this.#simulation.rescale(request.value)
        this.#settings = { ...this.#settings, temperature: request.value }
        this.#changed()
        return void this.emit('status')
      case 'particles':
        return this.#restart({ ...this.#settings, particles: request.value })
      case 'reset':
        return this.#restart({ ...this.#settings, seed: request.value })
    }
  }

  async #restart(settings: Settings): Promise<void> {
    const failed = this.#phase === 'failed'
    this.#settings = settings
    this.#enter('working')
    try {
      if (failed) await this.#replace(settings)
      else await this.#simulation.reset(settings)
    } catch (error) {
      this.#fail(error as Error)
      throw error
    }
    this.#run++
    this.#time = 0
    this.#history = new EnergyHistory(this.#point())
    this.#phase = this.#paused ? 'paused' : 'running'
    this.emit('status')
    this.emit('run')
    this.#changed()
  }

  /** Another Python: the old one may have died. States of it that are held stay as they are. */
  async #replace(settings: Settings): Promise<void> {
    await this.#simulation.close()
    this.#simulation = await Simulation.open(settings)
  }
}
