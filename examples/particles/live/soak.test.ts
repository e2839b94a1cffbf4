import t from 'tap'
import { soak } from './soak/run.js'

t.test(
  'viewers come, go, stall and change things: nothing is wrong, and nothing is left',
  async t => {
    const { done, failures, samples } = await soak({ seconds: 4, seed: 3 })
    t.same(failures, [])
    t.ok(Object.keys(done).length > 5)
    t.ok(samples.length >= 3)
  },
)
