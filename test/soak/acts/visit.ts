// A bridge of its own for a short while: started, used, closed in one of three ways, and seen to be gone.
import { spawn } from 'isthmus'
import { gone } from '../../fixtures/processes.js'
import { checkRamp, type Doubles, equal, Wrong } from '../act.js'
import type { Random } from '../random.js'
import { script } from '../target.js'

const ways = [{}, { grace: 5000 }, { force: true }] as const

export async function visit(random: Random): Promise<void> {
  const py = await spawn(script, { stdout: 'events', stderr: 'events', memory: '512MiB' })
  const length = random.whole(0, 2 ** 18)
  const result = (await py.call('ramp', 1, length)) as Doubles
  const pending = Array.from({ length: random.whole(0, 10) }, (_, x) => py.call('double', x))
  const outcomes = Promise.allSettled(pending)
  const way = random.among(ways)
  await py.close(way)
  for (const [x, outcome] of (await outcomes).entries()) {
    if (outcome.status === 'fulfilled') equal('double', outcome.value, 2 * x)
    else if (outcome.reason.code !== 'ERR_CLOSED' || 'grace' in way) throw outcome.reason
  }
  checkRamp('after close()', result.data, { start: 1, length }, random)
  result.dispose()
  await gone(py.pid)
  const { leases, ownBlocks, borrowedBlocks } = py.stats()
  if (leases + ownBlocks + borrowedBlocks > 0)
    throw new Wrong(
      `left after close(): ${leases} leases, ${ownBlocks} and ${borrowedBlocks} blocks`,
    )
}
