// What the page says about the experiment. Figures come from the results; the rest holds whatever they are.
import { time } from '../../format.js'
import { type ExperimentResults, resultOf } from '../experiment.js'

export const introduction =
  (): string => `A row of 19 features about a customer, 76 bytes, or 1,000 such rows, go from a client to a gradient-boosting model;
the probabilities that these customers leave come back. Published for this were whole client processes, 0.26 s in Python
and 0.05 s in Go over gRPC, 61 ms and 21 ms over HTTP. Such a figure mixes what is kept apart here:

- **null model**: it answers with one of the columns, so what is left is the way there and back, with a client and a
  server that read and make arrays.
- **model**: the same calls with the real one.
- Both are warm: one call after another from one process with one open connection, each awaited, timed and compared with
  what the model said when it was trained. p50 and p99 are of all calls of a run.
- **client process, server is up**: from the start of the client's process to its end, with one row. The server has
  answered before. Isthmus has no such column: its Python process belongs to the client, and starts with it.
- **from nothing**: from the start of the server to the end of the first client, one row. With Isthmus, and without any
  way, it is from the start of the client, which starts Python, imports LightGBM and loads the model.`

const ms = (value: number | undefined): string => time((value ?? NaN) * 1e6)

export function explanation(results: ExperimentResults): string {
  const value = (arm: string, name: string) => resultOf(results, arm)?.figures[name]
  const model = (value('here', 'score.many.p50') ?? NaN) / 1000
  return `A client that asks once and ends should ask a server that is up: ${ms(value('grpc-python', 'cold.ended'))} with gRPC
in Python and ${ms(value('fastapi-node', 'cold.ended'))} with HTTP in Node, against ${ms(value('isthmus', 'scratch'))} for
a Node process that starts its own Python with Isthmus. Most of that is Python's imports and the model, which servers
pay when they start. For 1,000 rows the model alone takes ${ms(model)}, so the way matters less there.

*Single rows gathered* is a function under \`@isthmus.batch(max_size=256)\`. Its 1,000 rows are 1,000 calls at once, each
with a promise of its own; in the other arms they are one call.

Rivals are used as by someone who wants them fast: connections are kept alive; bodies and messages are the raw float32 in
both directions, so no JSON and no Protobuf is paid for; FastAPI runs on uvicorn with uvloop and httptools, without a
thread between the loop and the model. \`grpc.aio\` was tried and was no faster. Isthmus sends one row as the same bytes,
because an array of 19 numbers is not worth a tensor, and 1,000 rows as one tensor, filled within the time that counts.
The model has one thread in every arm: client and server share the machine.`
}
