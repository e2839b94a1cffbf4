import t from 'tap'
import { threadCounts } from '#src/thread-counts.js'

t.test('the CPUs are shared out, and nobody gets less than one', async t => {
  t.equal(threadCounts(2, 8, {}, {}).OMP_NUM_THREADS, '4')
  t.equal(threadCounts(3, 8, {}, {}).OPENBLAS_NUM_THREADS, '2')
  t.equal(threadCounts(16, 8, {}, {}).MKL_NUM_THREADS, '1')
})

t.test('what the user set stays, in the environment and in the option env', async t => {
  const counts = threadCounts(
    2,
    8,
    { MKL_NUM_THREADS: '7', BLIS_NUM_THREADS: undefined },
    {
      OMP_NUM_THREADS: '3',
    },
  )
  t.same(counts, {
    OPENBLAS_NUM_THREADS: '4',
    NUMEXPR_NUM_THREADS: '4',
    VECLIB_MAXIMUM_THREADS: '4',
  })
})
