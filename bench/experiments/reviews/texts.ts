// The texts that every arm labels, and what arms have in common.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ArmReport } from '../arm-report.js'

type Label = (text: string) => Promise<string>

export function reviews(): string[] {
  const { ISTHMUS_EXPERIMENT_FOLDER: folder = '', ISTHMUS_EXPERIMENT_COUNT: count } = process.env
  const texts = JSON.parse(readFileSync(join(folder, 'texts.json'), 'utf8')) as string[]
  return texts.slice(0, Number(count))
}

/** Labels all texts, a call for each, with so many calls under way; reports, also what `more` adds. */
export async function labelEach(
  label: Label,
  lanes: number,
  more: (report: ArmReport) => void = () => {},
): Promise<void> {
  const report = new ArmReport()
  report.mark('ready')
  const texts = reviews()
  const labels: string[] = new Array(texts.length)
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < texts.length) {
      const at = next++
      labels[at] = await label(texts[at]!)
      report.mark('first')
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, texts.length) }, lane))
  report.mark('last')
  more(report)
  report.write(labels)
}
