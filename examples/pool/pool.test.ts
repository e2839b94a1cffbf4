import t from 'tap'
import { outputOf } from '../output.js'

t.test('rows in chunks, into another tensor, in two workers, without a copy', async t => {
  t.strictSame(outputOf(new URL('./main.js', import.meta.url)), [
    '2 workers',
    '8 chunks',
    'all peaks where they should be: true',
    'the same in both: true',
    'copied after the window: 0 bytes',
    '[[1],[500,1],[96]]',
  ])
})
