// What viewers do: come, look, hide, stall, change things, send nonsense, go.
import type { Random } from '../../../../test/soak/random.js'
import { Client } from '../client.js'
import type { Request } from '../page/protocol.js'

/** Beside the one that watches the figures; the server takes sixteen. */
const most = 10

interface Visitor {
  readonly client: Client
  /** Draws: asks for a frame when it has got one. */
  shown: boolean
}

export class Visitors {
  readonly done: Record<string, number> = {}
  readonly failures: string[] = []
  readonly #url: string
  readonly #random: Random
  #visitors: Visitor[] = []

  constructor(url: string, random: Random) {
    this.#url = url
    this.#random = random
  }

  async act(): Promise<void> {
    const name = this.#random.among(Object.keys(this.#acts))
    const work = this.#acts[name]!
    await work().catch((error: Error) => this.failures.push(`${name}: ${error.message}`))
    this.done[name] = (this.done[name] ?? 0) + 1
  }

  async leave(): Promise<void> {
    await Promise.all(this.#visitors.map(({ client }) => client.close()))
  }

  readonly #acts: Record<string, () => Promise<void>> = {
    come: async () => {
      if (this.#visitors.length >= most) return
      const visitor: Visitor = { client: await Client.connect(this.#url), shown: true }
      this.#visitors.push(visitor)
      let run = 0
      let step = -1
      visitor.client.on('frame', frame => {
        const right = frame.positions.every(x => x >= 0 && x <= 1)
        if (!right) this.failures.push(`a particle outside of the box at step ${frame.step}`)
        if (frame.run < run || (frame.run === run && frame.step < step))
          this.failures.push(`step ${frame.step} of run ${frame.run} after ${step} of ${run}`)
        run = frame.run
        step = frame.step
        if (visitor.shown) visitor.client.ask({ ask: 'frame' })
      })
      visitor.client.on('closed', () => {
        this.#visitors = this.#visitors.filter(each => each !== visitor)
      })
      visitor.client.ask({ ask: 'frame' })
    },
    go: async () => this.#any()?.client.close(),
    hide: async () => {
      const visitor = this.#any()
      if (visitor) visitor.shown = false
    },
    show: async () => {
      const visitor = this.#visitors.find(({ shown }) => !shown)
      if (visitor === undefined) return
      visitor.shown = true
      visitor.client.ask({ ask: 'frame' })
    },
    stall: async () => {
      const visitor = this.#any()
      visitor?.client.stall()
      // It may have asked for one already: then this one is refused, and it never reads that.
      for (let asked = 0; asked < 3; asked++) visitor?.client.ask({ ask: 'frame' })
    },
    pause: async () => {
      this.#ask({ ask: 'pause' })
      this.#ask({ ask: 'step' })
    },
    // Twice as often, so that it mostly runs.
    resume: async () => this.#ask({ ask: 'resume' }),
    goOn: async () => this.#ask({ ask: 'resume' }),
    dt: async () => this.#ask({ ask: 'dt', value: this.#random.among([0.01, 0.05, 0.1]) }),
    temperature: async () =>
      this.#ask({ ask: 'temperature', value: this.#random.among([0.01, 0.1, 0.5]) }),
    particles: async () =>
      this.#ask({ ask: 'particles', value: this.#random.among([1000, 20_000, 50_000]) }),
    reset: async () => this.#ask({ ask: 'reset', value: this.#random.whole(0, 1000) }),
    nonsense: async () => this.#any()?.client.send('{"ask":"nonsense"}'),
    load: async () => {
      const answer = await fetch(this.#url)
      if (!(await answer.text()).includes('<canvas')) throw new Error('the page has no canvas')
    },
  }

  #any(): Visitor | undefined {
    return this.#visitors.length === 0 ? undefined : this.#random.among(this.#visitors)
  }

  #ask(request: Request): void {
    this.#any()?.client.ask(request)
  }
}
