// The scheduler under any sequence of calls, answers, deaths and returns: S1 and S2, and no job is lost or run twice.
import fc from 'fast-check'
import t from 'tap'
import { type Job, Scheduler, type Slot } from '#src/scheduler.js'

const slotCount = 3
const limits = { concurrency: 2, window: 4, maxQueue: 12 }

class FakeJob implements Job {
  order = 0
  queued = false
  readonly exempt = false
  fate: 'none' | 'ran' | 'rejected' | 'withdrawn' = 'none'

  constructor(
    readonly slot: number | undefined,
    readonly limited: boolean,
  ) {}

  reject() {
    if (this.fate !== 'none') throw new Error(`rejected after it ${this.fate}`)
    this.fate = 'rejected'
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
    if (!this.ready) throw new Error('run by a slot that is not ready')
    if (job.fate !== 'none') throw new Error(`run after it ${job.fate}`)
    job.fate = 'ran'
    this.jobs.push(job)
  }
}

const slot = fc.nat(slotCount - 1)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      slot: fc.option(slot, { nil: undefined }),
      limited: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('answer' as const), slot, which: fc.nat(5) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('die' as const), slot, forEver: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return' as const), slot }) },
)

t.test('S1 and S2 hold after every step, and every job has one fate', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const slots = Array.from({ length: slotCount }, () => new FakeSlot())
      let waiting = false
      const scheduler = new Scheduler<FakeJob>(slots, limits, {
        waiting: any => {
          if (any === waiting) throw new Error('told twice')
          waiting = any
        },
      })
      const jobs: FakeJob[] = []
      for (const next of steps) {
        if (next.do === 'submit') {
          const job = new FakeJob(next.slot, next.limited)
          try {
            scheduler.submit(job)
            jobs.push(job)
          } catch {
            if (job.fate !== 'none' || job.queued) throw new Error('refused, and taken')
          }
        } else if (next.do === 'answer') {
          const from = slots[next.slot]!
          const [job] = from.jobs.splice(next.which % Math.max(1, from.jobs.length), 1)
          if (job !== undefined) scheduler.ended(next.slot, job)
        } else if (next.do === 'withdraw') {
          const job = jobs[next.which % Math.max(1, jobs.length)]
          if (job !== undefined && scheduler.withdraw(job)) job.fate = 'withdrawn'
        } else if (next.do === 'die') {
          const dead = slots[next.slot]!
          dead.ready = false
          for (const job of dead.jobs.splice(0)) scheduler.ended(next.slot, job)
          if (next.forEver && dead.down === undefined) {
            dead.down = new Error('down')
            scheduler.slotDown(next.slot)
          }
        } else {
          const back = slots[next.slot]!
          back.ready = true
          back.down = undefined
          scheduler.pump(next.slot)
        }
        const queued = jobs.filter(job => job.queued)
        if (queued.length !== scheduler.queued || waiting !== queued.length > 0)
          throw new Error('count')
        slots.forEach(({ jobs }, at) => {
          const taken = jobs.filter(job => job.limited).length
          if (taken !== scheduler.running(at) || taken > limits.concurrency) throw new Error('S2')
        })
        for (const job of queued)
          slots.forEach(({ ready, busy }, at) => {
            const may = job.slot === undefined || job.slot === at
            const room = job.limited
              ? scheduler.running(at) < limits.concurrency
              : busy < limits.window
            if (ready && may && room) throw new Error('S1')
          })
        for (const job of jobs) if ((job.fate === 'none') !== job.queued) throw new Error('fate')
      }
    }),
    { numRuns: 1000 },
  )
  t.pass('1,000 sequences')
})
