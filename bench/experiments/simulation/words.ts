// What the page says about experiment 3. Figures come from the results; the rest holds whatever they are.
import { time } from '../../format.js'
import { type ExperimentResults, resultOf } from '../experiment.js'
import { percentOf, showPercent } from './checks.js'

export const introduction =
  (): string => `The soft disks of [examples/particles](../examples/particles/README.md), by the same
[particles.py](../examples/particles/particles.py) in every arm; plain numpy, one thread a process.

**Driving.** \`step(now, after, dt)\` in a loop, in plain Python with arrays of numpy's own, and in Node, an awaited call for each
step. The two run in turns, some steps here and the same steps there, while the other stands still; a turn gives one
percentage, a run the median of its turns, and the interval is Student's over runs. A second plain Python shows what two
equal loops differ by. A third one has glibc told to keep freed memory, which it otherwise gives back to the system at
once (\`MALLOC_MMAP_THRESHOLD_\`, \`MALLOC_TRIM_THRESHOLD_\`). The *crossing* is what a step took in Node beyond the
seconds that Python counted for it.

**Parallel.** Each step in two blocks of rows, one in each of two processes:

- **pickled**: each worker is sent the whole state, as \`step\` needs it, and sends back the particles of its block.
- **joblib, arguments as files**: what joblib does with arguments of 1 MB and more unless told otherwise. What comes back is
  pickled.
- **joblib, states in numpy.memmap**: both states are files in \`/dev/shm\`, which workers write to, as joblib's documentation
  has it; file names travel.
- **shared_memory**: both states are in \`multiprocessing.shared_memory\`, and workers are forked with both mapped. *Pool*: a
  task names function, state and block. *By hand*: two bytes through a pipe to each worker and eight back; or one
  POSIX semaphore to start each worker, one for all that are done, and the rest in a shared page.
- **Isthmus**: \`pool()\` from Node, \`py.call('step', now, after, dt, block, blocks)\` for each block, both states
  tensors. *Kept*: workers were sent both once, and a call names the present one, as with shared memory by hand.
  *Kept*: both were sent once, and a call names the present one, as shared memory by hand does.
- **Numba**: the same physics as loops that Numba compiles ([compiled.py](../bench/experiments/simulation/compiled.py)), over the
  same arrays. It sums forces in another order, so its positions are compared within a tolerance.

The *physics* of a step is the longest of its blocks by Python's own clock, temporary arrays freed; the *overhead* is wall
less that. It contains the wait for a processor, and what writing and reading cold memory takes. The *empty step* is
the same call, with the same arrays, of a function that does nothing: what is left is the way there and back, in processes
that have just done the same. Steps at the start do not count.`

const ms = (us: number | undefined): string => time((us ?? NaN) * 1000)

export function explanation(results: ExperimentResults): string {
  const driven = resultOf(results, 'driving-1m')
  const isthmus = resultOf(results, 'isthmus')
  const alone = resultOf(results, 'alone')
  const compiled = resultOf(results, 'isthmus-compiled')
  if (!driven || !isthmus || !alone || !compiled) return ''
  const wall = '1000000.wall.p50'
  const show = (name: string) => showPercent(percentOf(results, 'driving-1m', name))
  const ratio = (a: number | undefined, b: number | undefined) =>
    ((a ?? NaN) / (b ?? NaN)).toFixed(2)
  return `How to read it.

- glibc gives freed memory back to the system, and numpy's next temporary array then waits for fresh pages. In a worker of
  Isthmus arrays of that size lie in memory that is used again. Against plain Python as it is, the loop in Node takes
  ${show('driven.over')}; against one whose glibc keeps memory, ${show('driven.kept')}. The crossing is ${ms(driven.figures['crossing.p50'])} of ${ms(driven.figures.driven)}.
- Two processes are ${ratio(alone.figures[wall], isthmus.figures[wall])} times as fast as one. Each block sorts its own particles, but looks at all of them to find
  these, and both share the memory's bandwidth.
- Compiled, two processes take ${ms(compiled.figures[wall])} a step. Numba reads and writes the tensors as it does arrays of numpy.`
}
