// The cases, in the order in which they run and are reported.
import { aborts } from './aborts.js'
import { batching, batchingIdle } from './batching.js'
import { bridgeScaling } from './bridges.js'
import { callback } from './callback.js'
import type { Case } from './case.js'
import { firstCalls } from './first-calls.js'
import { firstTouch } from './first-touch.js'
import { idle } from './idle.js'
import { interrupt } from './interrupt.js'
import { kills } from './kills.js'
import { memory } from './memory.js'
import { nested } from './nested.js'
import { poolScaling } from './pool.js'
import { cacheLine, memcpy, numpyAlone } from './programs.js'
import { reduce } from './reduce.js'
import { manyResults } from './results.js'
import { slowReader } from './slow-reader.js'
import { inFlightCases, smallCall, smallSync } from './small-call.js'
import { start, startAgain } from './start.js'
import { streamOfFrames, streamOfNumbers } from './stream.js'
import { double, tensorEcho, tensorIn, tensorOut, tensorUpdate } from './tensor.js'
import { wake } from './wake.js'

export const cases: Readonly<Record<string, Case>> = {
  'cache-line': cacheLine,
  small: smallCall,
  'small-sync': smallSync,
  ...inFlightCases,
  'first-calls': firstCalls,
  wake,
  start,
  'start-again': startAgain,
  nested,
  callback,
  stream: streamOfNumbers,
  'stream-24mb': streamOfFrames,
  memcpy,
  in: tensorIn,
  out: tensorOut,
  echo: tensorEcho,
  update: tensorUpdate,
  'first-touch': firstTouch,
  memory,
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
  pool: poolScaling,
  bridges: bridgeScaling,
  idle,
}
