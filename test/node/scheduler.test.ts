// Which job goes where, without any process.
import t from 'tap'
import { type Job, type Limits, Scheduler, type Slot } from '#src/scheduler.js'

class FakeJob implements Job {
  order = 0
  queued = false
  error: Error | undefined

  constructor(
    readonly name: string,
    readonly slot: number | undefined = undefined,
    readonly limited = true,
    readonly exempt = false,
  ) {}

  reject(error: Error) {
    this.error = error
  }
}

class FakeSlot implements Slot<FakeJob> {
  ready = true
  down: Error | undefined
  objects = 0
  readonly jobs: FakeJob[] = []

  get busy() {
    return this.jobs.length
  }

  run(job: FakeJob) {
    this.jobs.push(job)
  }

  get names() {
    return this.jobs.map(job => job.name).join(' ')
  }
}

function setUp(count: number, limits: Partial<Limits> = {}) {
  const slots = Array.from({ length: count }, () => new FakeSlot())
  const waiting: boolean[] = []
  const scheduler = new Scheduler<FakeJob>(
    slots,
    { concurrency: 1, window: 4, maxQueue: Infinity, ...limits },
    { waiting: any => waiting.push(any) },
  )
  const finish = (slot: number, at = 0) => {
    const [job] = slots[slot]!.jobs.splice(at, 1)
    scheduler.ended(slot, job!)
    return job!.name
  }
  const submit = (...jobs: FakeJob[]) => {
    for (const job of jobs) scheduler.submit(job)
  }
  return { slots, scheduler, waiting, finish, submit }
}

const jobs = (names: string) => names.split(' ').map(name => new FakeJob(name))

t.test('of two slots that are equally busy, the one with fewer objects takes the job', async t => {
  const { scheduler, slots } = setUp(3)
  slots[0]!.objects = 2
  slots[1]!.objects = 1
  slots[2]!.objects = 1
  scheduler.submit(new FakeJob('a'))
  t.equal(slots[1]!.names, 'a')
})

t.test('a job goes to the least busy slot, the first of equals', async t => {
  const { slots, submit } = setUp(3, { concurrency: 2 })
  submit(...jobs('a b c d'))
  t.same(
    slots.map(slot => slot.names),
    ['a d', 'b', 'c'],
  )
})

t.test('what finds no room waits, and goes in order to whoever is free first', async t => {
  const { slots, scheduler, finish, submit } = setUp(2)
  submit(...jobs('a b c d e'))
  t.equal(scheduler.queued, 3)
  finish(1)
  t.equal(slots[1]!.names, 'c')
  finish(1)
  finish(0)
  t.same([slots[0]!.names, slots[1]!.names], ['e', 'd'])
  t.equal(scheduler.queued, 0)
})

t.test('a pinned job waits for its slot, and holds up nobody else', async t => {
  const { slots, finish, submit } = setUp(2)
  submit(...jobs('a b'), new FakeJob('p', 0), ...jobs('c d'))
  finish(1)
  t.equal(slots[1]!.names, 'c', 'p is older, but not for this slot')
  finish(0)
  t.equal(slots[0]!.names, 'p', 'it is older than d')
})

t.test('jobs that need no place pass by those that do, up to the window', async t => {
  const { slots, scheduler, finish, submit } = setUp(1)
  const free = (name: string) => new FakeJob(name, undefined, false)
  submit(...jobs('a b'), free('f'), free('g'), free('h'), free('i'))
  t.equal(slots[0]!.names, 'a f g h')
  t.equal(scheduler.queued, 2)
  finish(0, 1)
  t.equal(slots[0]!.names, 'a g h i')
  finish(0, 0)
  t.equal(slots[0]!.names, 'g h i b')
})

t.test('a slot that is not ready gets nothing, until it is pumped', async t => {
  const { slots, scheduler, submit } = setUp(2)
  slots[0]!.ready = false
  submit(...jobs('a b c'))
  t.same([slots[0]!.names, slots[1]!.names], ['', 'a'])
  slots[0]!.ready = true
  scheduler.pump(0)
  t.equal(slots[0]!.names, 'b')
})

t.test('maxQueue counts what waits, except what limits itself', async t => {
  const { scheduler, submit } = setUp(1, { maxQueue: 1 })
  submit(...jobs('a b'))
  t.throws(() => submit(...jobs('c')), { code: 'ERR_QUEUE_FULL', maxQueue: 1 })
  t.throws(() => scheduler.check({ slot: 0, limited: true, exempt: false }), {
    code: 'ERR_QUEUE_FULL',
  })
  submit(new FakeJob('m', undefined, true, true))
  t.equal(scheduler.queued, 2)
})

t.test('one that is withdrawn is not run, and a queue of such is empty', async t => {
  const { slots, scheduler, waiting, finish, submit } = setUp(1)
  const [a, b, c] = jobs('a b c') as [FakeJob, FakeJob, FakeJob]
  submit(a, b, c)
  t.equal(scheduler.withdraw(b), true)
  t.equal(scheduler.withdraw(a), false, 'it runs')
  finish(0)
  t.equal(slots[0]!.names, 'c')
  t.same(waiting, [true, false])
  submit(b)
  t.equal(scheduler.withdraw(b), true)
  t.same(waiting, [true, false, true, false])
})

t.test('a slot is down: its pinned jobs reject; the others when all slots are', async t => {
  const { slots, scheduler, submit } = setUp(2)
  const pinned = new FakeJob('p', 0)
  const [, , shared] = jobs('a b c') as [FakeJob, FakeJob, FakeJob]
  submit(...jobs('a b'), pinned, shared)
  const first = new Error('first')
  Object.assign(slots[0]!, { ready: false, down: first })
  scheduler.slotDown(0)
  t.equal(pinned.error, first)
  t.equal(shared.error, undefined)
  t.throws(() => submit(new FakeJob('q', 0)), first)
  const second = new Error('second')
  Object.assign(slots[1]!, { ready: false, down: second })
  scheduler.slotDown(1)
  t.equal(shared.error, second)
  t.throws(() => submit(...jobs('d')), first)
  t.equal(scheduler.queued, 0)
})

t.test(
  '100,000 jobs in the queue, half of them withdrawn: each of the rest runs once, in order',
  async t => {
    const { slots, scheduler, submit } = setUp(1)
    const many = Array.from({ length: 100_000 }, (_, at) => new FakeJob(String(at)))
    submit(...many)
    for (let at = 1; at < many.length; at += 2) scheduler.withdraw(many[at]!)
    const ran: number[] = []
    for (let job = slots[0]!.jobs.shift(); job; job = slots[0]!.jobs.shift()) {
      ran.push(Number(job.name))
      scheduler.ended(0, job)
    }
    t.equal(ran.length, 50_000)
    t.ok(ran.every((name, at) => name === 2 * at))
  },
)
