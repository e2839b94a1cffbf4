// Isthmus: batches of 32, sorted by length.
import { spawn } from 'isthmus'
import { ArmReport } from '../arm-report.js'
import { here } from '../places.js'
import { reviews } from './texts.js'

const kSize = 32

await using py = await spawn(here('reviews', 'worker.py'))
const report = new ArmReport()
report.mark('ready')
const texts = reviews()
const order = texts.map((_, at) => at).sort((a, b) => texts[a]!.length - texts[b]!.length)
const labels: string[] = new Array(texts.length)
for (let start = 0; start < order.length; start += kSize) {
  const rows = order.slice(start, start + kSize)
  const batch = rows.map(at => texts[at]!)
  const found = (await py.call('labels', batch)) as string[]
  rows.forEach((at, i) => {
    labels[at] = found[i]!
  })
  report.mark('first')
}
report.mark('last')
report.write(labels)
