import t from 'tap'
import { outputOf } from '../output.js'

t.test('frames arrive, break closes, a slow reader holds the generator back', async t => {
  const lines = outputOf(new URL('./main.js', import.meta.url))
  t.match(lines, [
    /^100 pictures; brightness of row 260 at the end: [1-9]\d$/,
    'bytes copied: 0',
    'closed after break: true; before its end: true',
    'read 40 slowly; at most 4 ahead: true',
    /^corner of the hot part: 0\.600, 0\.520, 0\.456$/,
    'copied: 3 plates',
  ])
  t.equal(lines.length, 6)
})
