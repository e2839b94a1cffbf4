// 10,000 results of 64 MB received and given up: does anything pile up, does V8 collect for it?
import { WrongValueError } from '../contender.js'
import { Histogram } from '../histogram.js'
import { treeRssMb } from '../process-tree.js'
import { type Case, everyBridge } from './case.js'

const kResults = 10_000
const kBytes = 2 ** 26
const kWarmResults = 10
const kMarks = 1024
const kLimitMs = 20_000 // a contender that copies gets so long; `results` says how far it came

/** Written on stdout among the lines of --trace-gc: collections before it belong to starting up. */
export const traceStart = 'isthmus-bench: counting collections from here'

export const manyResults: Case = {
  title: '10,000 results of 64 MB received and disposed',
  contenders: everyBridge,
  sizes: [kBytes],
  nodeFlags: ['--trace-gc'],
  once: true,
  expectedMs: 21_000,
  async run({ open }) {
    const session = await open()
    const histogram = new Histogram()
    let rssBeforeMb = 0
    let rssMaxMb = 0
    const began = performance.now()
    let results = -kWarmResults
    for (; results < kResults && performance.now() - began < kLimitMs; results++) {
      if (results === 0) {
        rssBeforeMb = treeRssMb()
        console.log(traceStart)
      }
      const mark = results & (kMarks - 1)
      const start = performance.now()
      const result = await session.outbound(kBytes / 4, mark)
      const { data } = result
      WrongValueError.unless(
        data[0] === mark && data[data.length - 1] === mark,
        'outbound',
        data[0],
        mark,
      )
      session.discard(result)
      if (results >= 0) histogram.recordMs(performance.now() - start)
      if (results % 100 === 0) rssMaxMb = Math.max(rssMaxMb, treeRssMb())
    }
    return { histogram, figures: { results, rssBeforeMb, rssAfterMb: treeRssMb(), rssMaxMb } }
  },
}
