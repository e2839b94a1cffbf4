import t from 'tap'
import { outputOf } from '../output.js'

t.test('functions, iterables, async functions, errors, and a function that is kept', async t => {
  const lines = outputOf(new URL('./main.js', import.meta.url))
  t.match(lines, [
    /^weights 3\.00, -1\.00 in \d+ steps$/,
    'mean 4999.5',
    'longest: contents of bcd; 3 at a time',
    "[ 'RangeError: there is no missing', 'THERE' ]",
    'heard hello, again',
  ])
  t.equal(lines.length, 5)
})
