// Isthmus with @isthmus.batch: every row is a call of its own, and many rows are as many calls at once.
import { spawn } from 'isthmus'
import { here } from '../places.js'
import { columns, type Model, manyRows, type Open } from './session.js'

export const open: Open = async rows => {
  const py = await spawn(here('churn', 'gathered_worker.py'))
  const one = (model: Model, at: number) =>
    py.call(model, rows.subarray(at * columns, (at + 1) * columns)) as Promise<number>
  return {
    one,
    many: (model, at) =>
      Promise.all(Array.from({ length: manyRows }, (_, row) => one(model, at + row))),
    close: () => py.close(),
  }
}
