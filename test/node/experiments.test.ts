// The harness of the experiments: what it counts of a process tree, and how runs become a result.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { ArmRun } from '../../bench/experiments/arm.js'
import { pages } from '../../bench/experiments/document.js'
import { differences, merged } from '../../bench/experiments/merge.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const python = join(root, '.venv/bin/python')

/** Runs a shell command under tree.py, which samples memory every 20 ms and kills after the limit. */
function watched(folder: string, command: string, limit = 50) {
  const result = join(folder, 'tree.json')
  const args = [join(root, 'bench/experiments/tree.py'), result, '20', String(limit), '--']
  execFileSync(python, [...args, 'sh', '-c', command], { stdio: 'ignore' })
  return JSON.parse(readFileSync(result, 'utf8')) as Record<string, number | boolean>
}

const busy = (megabytes: number, seconds: number) =>
  `'${python}' -c "
import time
held = b'x' * (${megabytes} << 20)
while time.process_time() < ${seconds}: pass
"`

t.test('time and memory of grandchildren count, also of those whose parent has ended', async t => {
  const result = watched(t.testdir(), `(${busy(60, 0.3)} & ${busy(60, 0.3)} &) ; ${busy(60, 0.6)}`)
  t.equal(result.status, 0)
  t.ok(Number(result.cpuSeconds) >= 1.2, `${result.cpuSeconds} s of CPU time`)
  t.ok(Number(result.peakPssMb) >= 100, `${result.peakPssMb} MB`)
})

t.test('a tree that takes too long is ended, all of it', async t => {
  const folder = t.testdir()
  const pids = join(folder, 'pid')
  const result = watched(folder, `sleep 1000 & echo $! > '${pids}'; wait`, 1)
  t.equal(result.overdue, true)
  t.notOk(existsSync(`/proc/${readFileSync(pids, 'utf8').trim()}`))
})

const run = (wall: number, pss?: number): ArmRun => ({
  wall,
  cpu: wall / 1000,
  figures: { p50: wall },
  ...(pss !== undefined && {
    memory: { pss, parts: [], samples: 1, longestGap: 1, cpu: 0 },
  }),
})

t.test('times are medians of the runs in which memory was not watched', async t => {
  const result = merged([run(10), run(30), run(20), run(99, 500), run(99, 400)])
  t.match(result, { wall: 20, cpu: 0.02, figures: { p50: 20 }, memory: { pss: 500 } })
  t.match(merged([run(99, 500)]), { wall: 99, memory: { pss: 500 } })
  t.equal(merged([]), undefined)
})

t.test(
  'labels differ where they are not the same, and everywhere when some are missing',
  async t => {
    t.equal(differences(['a', 'b', 'c'], ['a', 'b', 'c']), 0)
    t.equal(differences(['a', 'x', 'c'], ['a', 'b', 'c']), 1)
    t.equal(differences(['a', 'b'], ['a', 'b', 'c']), 3)
  },
)

t.test('the page and its charts say what the result files say', async t => {
  for (const [name, text] of pages())
    t.equal(
      readFileSync(join(root, 'docs', name), 'utf8'),
      text,
      `npm run experiment:docs: ${name}`,
    )
})
