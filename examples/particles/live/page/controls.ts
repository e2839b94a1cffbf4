// The controls: what they show comes from the server's status, what they ask goes to it.
import { element } from './elements.js'
import { type Range, type Request, ranges, type Status } from './protocol.js'

type Slider = 'dt' | 'particles' | 'temperature'

const grouped = new Intl.NumberFormat('en-US')

/** A range input moves in equal steps; the values do so on a logarithmic scale. */
const places = 120

const formats: Record<Slider, (value: number) => string> = {
  dt: value => value.toPrecision(2),
  particles: value => grouped.format(value),
  temperature: value => value.toPrecision(2),
}

/** Particles begin at a number at which there is something to see. */
const shown: Record<Slider, Range> = {
  dt: ranges.dt,
  particles: { ...ranges.particles, least: 1000 },
  temperature: ranges.temperature,
}

const valueAt = ({ least, most, whole }: Range, place: number): number => {
  const value = least * (most / least) ** (place / places)
  const digits = 10 ** (Math.floor(Math.log10(value)) - 1)
  const round = digits >= 1 ? Math.round(value / digits) * digits : Number(value.toPrecision(2))
  return Math.min(most, whole ? Math.round(round) : round)
}

const placeOf = ({ least, most }: Range, value: number): number =>
  Math.round((places * Math.log(value / least)) / Math.log(most / least))

export interface Actions {
  ask(request: Request): void
  motion(shown: boolean): void
}

export class Controls {
  readonly #actions: Actions
  readonly #pause = element('pause', HTMLButtonElement)
  readonly #step = element('step', HTMLButtonElement)
  readonly #seed = element('seed', HTMLInputElement)
  readonly #form = element('reset', HTMLFormElement)
  readonly #motion = element('motion', HTMLInputElement)
  #status: Status | undefined

  constructor(actions: Actions) {
    this.#actions = actions
    this.#pause.addEventListener('click', () => this.#pauseOrGoOn())
    this.#step.addEventListener('click', () => actions.ask({ ask: 'step' }))
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      actions.ask({ ask: 'reset', value: this.#seed.valueAsNumber })
    })
    for (const name of Object.keys(shown) as Slider[]) this.#prepare(name)
    // Whoever asked for less motion gets a picture now and then, until the box is ticked.
    this.#motion.checked = !matchMedia('(prefers-reduced-motion: reduce)').matches
    this.#motion.addEventListener('change', () => actions.motion(this.#motion.checked))
    document.addEventListener('keydown', event => this.#key(event))
    this.enable(false)
  }

  get motion(): boolean {
    return this.#motion.checked
  }

  enable(connected: boolean): void {
    for (const control of document.querySelectorAll<HTMLInputElement>('.panel input, button'))
      control.disabled = !connected && control !== this.#motion
  }

  show(status: Status): void {
    const before = this.#status
    this.#status = status
    this.#pause.textContent = status.phase === 'paused' ? 'Go on' : 'Pause'
    this.#step.disabled = status.phase === 'failed'
    // Not under the hands of somebody who is changing it.
    for (const name of Object.keys(shown) as Slider[])
      if (before?.[name] !== status[name] && document.activeElement?.id !== name) {
        element(name, HTMLInputElement).value = String(placeOf(shown[name], status[name]))
        this.#say(name, status[name])
      }
    if (before?.seed !== status.seed) this.#seed.value = String(status.seed)
  }

  #prepare(name: Slider): void {
    const input = element(name, HTMLInputElement)
    const value = () => valueAt(shown[name], input.valueAsNumber)
    input.min = '0'
    input.max = String(places)
    input.addEventListener('input', () => this.#say(name, value()))
    input.addEventListener('change', () => this.#actions.ask({ ask: name, value: value() }))
  }

  #say(name: Slider, value: number): void {
    const text = formats[name](value)
    element(`${name}-value`, HTMLOutputElement).value = text
    element(name, HTMLInputElement).setAttribute('aria-valuetext', text)
  }

  #pauseOrGoOn(): void {
    this.#actions.ask({ ask: this.#status?.phase === 'paused' ? 'resume' : 'pause' })
  }

  #key(event: KeyboardEvent): void {
    const { target, key } = event
    const typing = target instanceof HTMLInputElement && target.type !== 'checkbox'
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return
    // A button that has the focus is pressed by the space bar itself.
    if (key === ' ' && !(target instanceof HTMLButtonElement || target instanceof HTMLInputElement))
      this.#pauseOrGoOn()
    else if (key === 'ArrowRight') this.#actions.ask({ ask: 'step' })
    else if (key === 'r' || key === 'R') this.#form.requestSubmit()
    else if (key === 'm' || key === 'M') this.#motion.click()
    else return
    event.preventDefault()
  }
}
