/** The soak of the live view: viewers that come, go, stall, hide and change controls, and what that did to memory. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../../bench/machine.js'
import { root } from '../../../bench/paths.js'
import { UsageError } from '../options.js'
import { draw } from './soak/chart.js'
import { soak } from './soak/run.js'

const usage = `Usage: npm run particles:soak -- [options]

  --minutes N   how long it runs: 10. Somebody does something six times a second: ten minutes are the acts of an hour
                in which it happens once a second
  --seed N      which acts: 1
  --save        write docs/particles-soak.svg and examples/particles/live/results/soak.json, not below build/
  --help        this text

It ends with an error if a viewer got something wrong, anything was left at the end, or a series rises: if with 99.9 %
confidence it grows by more than 32 MB, or 6 things, in an hour.`

try {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) console.log(usage)
  else {
    const minutes = Number(values.minutes)
    const seed = Number(values.seed)
    if (!(minutes > 0)) throw new UsageError('--minutes takes a number above 0')
    if (!Number.isInteger(seed)) throw new UsageError('--seed takes a whole number')
    process.exitCode = await main(minutes, seed, values.save)
  }
} catch (error) {
  if (!(error instanceof UsageError || error instanceof TypeError)) throw error
  console.error(`${error.message} (--help lists the options)`)
  process.exitCode = 2
}

async function main(minutes: number, seed: number, save: boolean): Promise<number> {
  const machine = describeMachine()
  const outcome = await soak({ seconds: minutes * 60, seed, said: console.error })
  const { samples, verdicts, failures, done, seconds } = outcome
  const acts = Object.entries(done).map(([name, count]) => `${name} ${count}`)
  console.log(`seed ${seed}, ${seconds} s: ${acts.join(', ')}`)
  for (const { name, unit, typical, slope, low, high, allowed, rises } of verdicts) {
    const interval = `${low.toFixed(1)} to ${high.toFixed(1)}`
    console.log(
      `${rises ? 'RISES' : 'flat '}  ${name.padEnd(26)} ${typical.toFixed(1).padStart(8)} ${unit.padEnd(2)}  ` +
        `${slope.toFixed(1).padStart(7)} per hour (${interval}; allowed ${allowed})`,
    )
  }
  for (const failure of failures) console.log(`wrong: ${failure}`)
  if (verdicts.length === 0)
    console.log('too short to tell a trend from noise: five minutes are enough')
  const keys = Object.keys(samples[0] ?? {})
  const columns = Object.fromEntries(
    keys.map(key => [key, samples.map(sample => Math.round(sample[key]! * 1000) / 1000)]),
  )
  const content = { machine, seed, seconds, done, failures, verdicts, samples: columns }
  write(save ? 'examples/particles/live/results/soak.json' : 'build/particles-soak.json', content)
  write(save ? 'docs/particles-soak.svg' : 'build/particles-soak.svg', draw(outcome, machine))
  const rising = verdicts.filter(({ rises }) => rises).length
  console.log(`${verdicts.length - rising} passed, ${rising + failures.length} failed`)
  return rising + failures.length > 0 ? 1 : 0
}

function write(path: string, content: unknown): void {
  const full = resolve(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, typeof content === 'string' ? content : `${JSON.stringify(content)}\n`)
  console.log(`written to ${path}`)
}
