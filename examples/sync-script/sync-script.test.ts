import t from 'tap'
import { outputOf } from '../output.js'

t.test('results are returned, errors thrown', async t => {
  t.strictSame(outputOf(new URL('./main.js', import.meta.url)), [
    'ramp: mean 50.00, median 50, outliers ',
    'spike: mean 14.36, median 5, outliers 50',
    'ERR_PYTHON',
    'ERR_ARGUMENTS',
  ])
})
