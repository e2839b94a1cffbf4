// Isthmus: one row is sent as its bytes, as by everyone here (an array that small is not worth a tensor);
// many rows are a tensor. The rows lie in the JS heap until then.
import { spawn, Tensor } from 'isthmus'
import { here } from '../places.js'
import { columns, manyRows, type Open, rowBytes } from './session.js'

export const open: Open = async rows => {
  const py = await spawn(here('churn', 'worker.py'))
  return {
    one: (model, at) => py.call(`${model}_one`, rowBytes(rows, at, 1)) as Promise<number>,
    async many(model, at) {
      const batch = py.tensor('float32', [manyRows, columns], { uninitialized: true })
      batch.data.set(rows.subarray(at * columns, (at + manyRows) * columns))
      const result = await py.call(model, batch)
      batch.dispose()
      if (!(result instanceof Tensor)) throw new TypeError(`${model}: not a tensor`)
      const probabilities = (result.data as Float32Array).slice()
      result.dispose()
      return probabilities
    },
    close: () => py.close(),
  }
}
