// 1,000 calls and streams of every kind, each aborted at a random moment: everything settles, nothing stays.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Callers, Tensor } from 'isthmus'
import { WrongValueError } from '../contender.js'
import type { Case, CellContext, Measured } from './case.js'
import { codeOf, frameOf, openBridge, tensorOf } from './concurrency.js'

const kAborts = 1000
const kLanes = 8
const kLatestMs = 100 // cubed below: most abort early, before the call is sent or while it waits; some late
const kFrames = 50
const kSettleMs = 60_000

type Attempt = (py: Callers, i: number, lent: Tensor) => Promise<unknown>

/** Each checks what it is given, if it gets that far. */
const attempts: readonly Attempt[] = [
  async (py, i) => expect('add', await py.call('add', i, 1), i + 1),
  async (py, i) => expect('nap', await py.call('nap', i), i),
  async (py, i) =>
    expect('checksum', await py.call('checksum', 100_000 + i), triangle(100_000 + i)),
  async py => expect('forever', await py.call('forever'), 'nothing: it does not end'),
  async (py, _, lent) => {
    using result = tensorOf(await py.call('plus_one', lent))
    expect('plus_one', result.data[0], Number(lent.data[0]) + 1)
  },
  async py => {
    let index = 0
    for await (const item of py.stream('frames', kFrames)) frameOf(item, index++).dispose()
    expect('frames', index, kFrames)
  },
]

const triangle = (n: number): number => (n * (n - 1)) / 2

function expect(what: string, seen: unknown, expected: unknown): void {
  WrongValueError.unless(seen === expected, what, seen, expected)
}

async function measure({ spin }: CellContext): Promise<Measured> {
  await using py = await openBridge(spin, { threads: 2 })
  using lent = py.tensor('float32', [1 << 16])
  lent.data.fill(7)

  let begun = 0
  let fulfilled = 0
  let aborted = 0
  const lane = async (): Promise<void> => {
    while (begun < kAborts) {
      const i = begun++
      const controller = new AbortController()
      const attempt = attempts[i % attempts.length]?.(
        py.with({ signal: controller.signal }),
        i,
        lent,
      )
      const settled = attempt?.then(
        () => fulfilled++,
        (error: unknown) => {
          if (codeOf(error) !== 'ERR_ABORTED') throw error
          aborted++
        },
      )
      const moment = kLatestMs * Math.random() ** 3
      if (moment > 1) await sleep(moment)
      controller.abort()
      await settled
    }
  }
  const watchdog = new AbortController()
  await Promise.race([
    Promise.all(Array.from({ length: kLanes }, lane)).finally(() => watchdog.abort()),
    sleep(kSettleMs, undefined, { signal: watchdog.signal }).catch(() => undefined),
  ])
  const left = await untilNothingIsLeft(() => py.stats())
  expect('add after everything', await py.call('add', 1, 2), 3)
  return {
    figures: { aborts: begun, fulfilled, aborted, unsettled: begun - fulfilled - aborted, ...left },
  }
}

interface Left {
  readonly pending: number
  readonly leases: number
  readonly borrowedBlocks: number
}

/** What Python gives up arrives a little later. What is there after 10 s stays. */
async function untilNothingIsLeft(stats: () => Left): Promise<Record<string, number>> {
  for (let tries = 0; ; tries++) {
    const { pending, leases, borrowedBlocks } = stats()
    if (tries === 1000 || pending + leases + borrowedBlocks === 0)
      return { pending, leases, borrowedBlocks }
    await sleep(10)
  }
}

export const aborts: Case = {
  title: `${kAborts} aborts at random moments: calls, coroutines, endless loops, tensors, streams`,
  contenders: ['isthmus'],
  sizes: [0],
  once: true,
  expectedMs: 15_000,
  run: measure,
}
