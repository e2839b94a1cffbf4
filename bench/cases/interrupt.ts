// `while True: pass` is aborted: how long until Python does something else?
import { setTimeout as sleep } from 'node:timers/promises'
import { WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import type { Case, CellContext, Measured } from './case.js'
import { codeOf, openBridge } from './concurrency.js'
import { Neighbour } from './neighbour.js'

const kAbortsPerSecondOfProfile = 200 // 40 in a quick run
const kLongestRunMs = 10

async function measure({ contender, seconds, spin }: CellContext): Promise<Measured> {
  await using py = await openBridge(spin, contender === 'isthmus-threads' ? { threads: 2 } : {})
  await using other = await openBridge(spin)
  // With one thread a neighbour in the same worker would wait for the call that is interrupted.
  const neighbours = [new Neighbour(other), ...(contender === 'isthmus' ? [] : [new Neighbour(py)])]

  const histogram = new Histogram()
  for (let aborts = 0; aborts < seconds * kAbortsPerSecondOfProfile; aborts++) {
    const controller = new AbortController()
    let run = (): void => undefined
    const running = new Promise<void>(resolve => {
      run = resolve
    })
    const call = py.with({ signal: controller.signal, onProgress: run }).call('forever')
    const ended = call.then(
      value => value,
      (error: unknown) => error,
    )
    await Promise.race([running, ended])
    await sleep(Math.random() * kLongestRunMs)
    const start = performance.now()
    controller.abort()
    let seen: unknown
    do seen = await py.call('interruptions')
    while (seen === aborts)
    histogram.recordMs(performance.now() - start)
    WrongValueError.unless(seen === aborts + 1, 'interruptions', seen, aborts + 1)
    const outcome = codeOf(await ended)
    WrongValueError.unless(outcome === 'ERR_ABORTED', 'the aborted call', outcome, 'ERR_ABORTED')
  }
  for (const neighbour of neighbours) await neighbour.stop()
  const neighbourCalls = neighbours.reduce((sum, { calls }) => sum + calls, 0)
  return { histogram, figures: { aborts: histogram.count, neighbourCalls } }
}

export const interrupt: Case = {
  title: 'while True: pass, aborted: until the next call is answered',
  contenders: ['isthmus', 'isthmus-threads'],
  sizes: [0],
  run: measure,
}
