// The load: acts one after the other in several lanes, chosen by weight; workers that are killed; bridges that come
// and go. Which acts and with what values follows from the seed; when they meet does not.
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { within } from '../fixtures/watchdog.js'
import type { Stage } from './act.js'
import { acts } from './acts/index.js'
import { visit } from './acts/visit.js'
import type { Random } from './random.js'
import { Room } from './room.js'
import type { Target } from './target.js'

const lanes = 16
/** Array bytes of all acts under way. */
const mostBytes = 1200 * 2 ** 20
/** How long an act may take before it counts as hung, in milliseconds. */
const patience = 120_000
/** Messages of failures that are kept. */
const mostFailures = 20

const choices = Object.entries(acts).map(([name, act]) => ({ name, ...act }))

export class Load {
  readonly targets: readonly Target[]
  /** Acts that ended well, by name. */
  readonly done: Record<string, number> = Object.fromEntries(choices.map(({ name }) => [name, 0]))
  /** Acts whose worker was killed under them. */
  lost = 0
  wrong = 0
  readonly failures: string[] = []
  /** Array bytes that were checked. */
  bytes = 0
  /** Bridges that were made, used and closed beside the others. */
  visits = 0
  /** Acts under way. */
  readonly running = new Map<symbol, string>()
  readonly #random: Random
  readonly #room = new Room(mostBytes)
  #over = false

  constructor(targets: readonly Target[], random: Random) {
    this.targets = targets
    this.#random = random
  }

  /** Acts that ended well. */
  get checked(): number {
    return Object.values(this.done).reduce((sum, count) => sum + count, 0)
  }

  /** Runs until `stop()`, and until everything that had begun has ended. */
  async run(): Promise<void> {
    const killers = this.#random.fork()
    const visitors = this.#random.fork()
    await Promise.all([
      ...Array.from({ length: lanes }, () => this.#lane()),
      this.#again([2000, 6000], killers, () => this.#kill(killers)),
      this.#again([4000, 12_000], visitors, async () => {
        await this.#judged('a bridge that comes and goes', undefined, visit(visitors))
        this.visits++
      }),
    ])
  }

  stop(): void {
    this.#over = true
  }

  async #lane(): Promise<void> {
    while (!this.#over) {
      const { name, on, run } = this.#random.weighted(choices)
      const random = this.#random.fork()
      const target = this.#target(random.among(on))
      const act = this.#act(target, random, run)
      if (await this.#judged(`${name} of ${target.name}`, target, act)) this.done[name]!++
    }
  }

  async #act(target: Target, random: Random, run: (stage: Stage) => Promise<void>): Promise<void> {
    let taken = 0
    try {
      await run({
        target,
        random,
        room: async bytes => {
          taken = await this.#room.take(bytes)
        },
        moved: bytes => {
          this.bytes += bytes
        },
      })
    } finally {
      this.#room.giveBack(taken)
    }
  }

  /** @returns whether it ended well */
  async #judged(what: string, target: Target | undefined, act: Promise<void>): Promise<boolean> {
    const key = Symbol()
    this.running.set(key, what)
    try {
      await within(what, act, () => target?.py.stats(), patience)
      return true
    } catch (error) {
      if (target?.excuses(error)) this.lost++
      else this.fail(`${what}: ${inspect(error)}`)
      return false
    } finally {
      this.running.delete(key)
    }
  }

  fail(message: string): void {
    this.wrong++
    if (this.failures.length < mostFailures) this.failures.push(message)
  }

  #target(name: string): Target {
    return this.targets.find(target => target.name === name)!
  }

  /** One of the two workers; the other one serves on. */
  async #kill(random: Random): Promise<void> {
    const target = this.#target('fragile')
    if (target.kills > target.restarts) return
    target.kills++
    process.kill(random.among(target.pids), 'SIGKILL')
  }

  /** Does it after random waits of so many milliseconds. */
  async #again(
    [shortest, longest]: readonly [number, number],
    random: Random,
    work: () => Promise<void>,
  ): Promise<void> {
    for (let due = performance.now(); !this.#over; ) {
      if (performance.now() < due) await sleep(50)
      else {
        due += random.whole(shortest, longest)
        if (this.#over) return
        await work()
      }
    }
  }
}
