/** The service as a process: `PORT`, `WORKERS`, `MAX_QUEUE` and `TIMEOUT` are its settings; SIGTERM ends it in order. */
import { availableParallelism } from 'node:os'
import { service } from './service.js'

const { PORT, HOST, WORKERS, MAX_QUEUE, TIMEOUT, MODEL, OMP_NUM_THREADS } = process.env

// One worker for each CPU but one, which is Node's, and one thread in each: numpy's threads would wait for each other.
const threads = OMP_NUM_THREADS ?? '1'
const { app, close } = await service({
  model: MODEL ?? new URL('./model.py', import.meta.url),
  workers: Number(WORKERS ?? Math.max(1, availableParallelism() - 1)),
  maxQueue: Number(MAX_QUEUE ?? 128),
  timeout: Number(TIMEOUT ?? 2000),
  env: { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
})
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, close)
console.log(
  `listening on ${await app.listen({ port: Number(PORT ?? 8080), host: HOST ?? '127.0.0.1' })}`,
)
