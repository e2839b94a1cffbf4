import t from 'tap'
import { outputOf } from '../output.js'

t.test('records and lines are events; on_start runs before the first call', async t => {
  const lines = outputOf(new URL('./main.js', import.meta.url))
  const starting = (prefix: string) => lines.filter(line => line.startsWith(prefix))
  // stdout is a pipe of its own: its lines come when they come.
  t.strictSame(starting('stdout:'), [
    'stdout: predicting [1, 2, 3]',
    'stdout: predicting [1, 0.0, 0.0]',
    "stdout: predicting ['one', 2, 3]",
  ])
  t.match(
    lines.filter(line => !line.startsWith('stdout:')),
    [
      'INFO service: model with 3 weights (with a line)',
      'result: 2.33',
      'WARNING service: 1 values for 3 weights (with a line)',
      'result: 0.17',
      'ERROR service: no numbers (with a line)',
      /^ {2}ValueError: /,
      'result: NaN',
      'ERR_ON_START in load()',
    ],
  )
})
