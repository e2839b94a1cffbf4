// The cases, in the order in which they run and are reported.
import type { Case } from './case.js'
import { idle } from './idle.js'
import { cacheLine, memcpy, numpyAlone } from './programs.js'
import { reduce } from './reduce.js'
import { manyResults } from './results.js'
import { inFlight64, smallCall, smallSync } from './small-call.js'
import { double, tensorEcho, tensorIn, tensorOut } from './tensor.js'

export const cases: Readonly<Record<string, Case>> = {
  'cache-line': cacheLine,
  small: smallCall,
  'small-sync': smallSync,
  'in-flight-64': inFlight64,
  memcpy,
  in: tensorIn,
  out: tensorOut,
  echo: tensorEcho,
  'double-alone': numpyAlone,
  double,
  reduce,
  results: manyResults,
  idle,
}
