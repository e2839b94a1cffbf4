// The cases, in the order in which they run and are reported.
import { aborts } from './aborts.js'
import { batching, batchingIdle } from './batching.js'
import { callback } from './callback.js'
import type { Case } from './case.js'
import { idle } from './idle.js'
import { interrupt } from './interrupt.js'
import { kills } from './kills.js'
import { cacheLine, memcpy, numpyAlone } from './programs.js'
import { reduce } from './reduce.js'
import { manyResults } from './results.js'
import { slowReader } from './slow-reader.js'
import { inFlight64, smallCall, smallSync } from './small-call.js'
import { streamOfFrames, streamOfNumbers } from './stream.js'
import { double, tensorEcho, tensorIn, tensorOut } from './tensor.js'

export const cases: Readonly<Record<string, Case>> = {
  'cache-line': cacheLine,
  small: smallCall,
  'small-sync': smallSync,
  'in-flight-64': inFlight64,
  callback,
  stream: streamOfNumbers,
  'stream-24mb': streamOfFrames,
  memcpy,
  in: tensorIn,
  out: tensorOut,
  echo: tensorEcho,
  'double-alone': numpyAlone,
  double,
  reduce,
  results: manyResults,
  'slow-reader': slowReader,
  interrupt,
  aborts,
  kills,
  batching,
  'batching-idle': batchingIdle,
  idle,
}
