import t from 'tap'
import { outputOf } from '../output.js'

t.test('methods, a stream of a method, an object as an argument, dispose()', async t => {
  t.strictSame(outputOf(new URL('./main.js', import.meta.url)), [
    'time 1.0, energy kept: true',
    'all within the outer circle: true',
    'apart by then: true',
    'the same after the same steps: true',
    'ERR_OBJECT_GONE',
  ])
})
