import t from 'tap'
import { RestartPolicy, restartDefaults } from '#src/restart.js'

const policy = (options = {}, random = () => 0.5) =>
  new RestartPolicy({ ...restartDefaults, ...options }, random)

t.test('each restart in a row waits twice as long as the one before, up to maxDelay', async t => {
  const restarts = policy({ delay: 100, maxDelay: 500, limit: Infinity })
  t.same(
    [1, 2, 3, 4, 5].map(() => restarts.next(0)),
    [100, 200, 400, 500, 500],
  )
})

t.test('the wait varies by a quarter', async t => {
  t.equal(policy({}, () => 0).next(0), 75)
  t.equal(policy({}, () => 1).next(0), 125)
})

t.test('no wait is longer than a timer can wait, or no number', async t => {
  const long = policy({ delay: 2 ** 31 - 1, maxDelay: 2 ** 31 - 1 }, () => 1)
  t.equal(long.next(0), 2 ** 31 - 1)
  const none = policy({ delay: 0, limit: Infinity })
  for (let time = 0; time < 2000; time++) if (none.next(0) !== 0) t.fail(`restart ${time}`)
})

t.test('after the limit there is no further restart', async t => {
  const restarts = policy({ limit: 2 })
  t.same([restarts.next(5), restarts.next(5), restarts.next(5)], [100, 200, undefined])
  t.equal(policy({ limit: 0 }).next(5), undefined)
})

t.test('a worker that ran for the window starts the count anew', async t => {
  const restarts = policy({ limit: 2, window: 1000 })
  restarts.next(0)
  restarts.next(999)
  t.equal(restarts.next(1000), 100)
  t.equal(restarts.attempt, 1)
})
