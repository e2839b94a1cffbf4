// Everything that the load does.
import { callbacks } from './callbacks.js'
import { calls } from './calls.js'
import { ends } from './ends.js'
import { streams } from './streams.js'
import { tensors } from './tensors.js'

export const acts = { ...calls, ...tensors, ...streams, ...ends, ...callbacks }
