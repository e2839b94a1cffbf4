import t from 'tap'
import { outputOf } from '../output.js'

t.test('timeout, signal, deadline, a signal that was aborted before', async t => {
  t.strictSame(outputOf(new URL('./main.js', import.meta.url)), [
    'ERR_TIMEOUT after 100 ms',
    'and the worker serves on: {}',
    'ERR_ABORTED because of: good enough',
    'progress: round 1 (0.1 %), round 2 (0.2 %)',
    'it ended before round 1000: true; it knew why: true',
    'rounds in two of three seconds: enough',
    'ERR_ABORTED, sent 0',
  ])
})
