// What Node's own threads answer: the functions of functions.py, in JavaScript.
import { type MessagePort, parentPort, type Transferable } from 'node:worker_threads'

export interface WorkerRequest {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
  /** Whether arrays move rather than being copied. */
  readonly transfers: boolean
}

export interface WorkerAnswer {
  readonly id: number
  readonly result: unknown
  /** The argument, when it has moved and moves back. */
  readonly argument?: Float32Array
}

const kChanged = 16

function addToFirst(x: Float32Array): Float32Array {
  const end = Math.min(kChanged, x.length)
  for (let i = 0; i < end; i++) x[i] = (x[i] ?? 0) + 1
  return x
}

let ready = new Float32Array(0)

function outbound(length: number, mark: number): Float32Array {
  if (ready.length !== length) ready = new Float32Array(length).fill(0.25)
  ready[0] = ready[length - 1] = mark
  return ready
}

const functions: Readonly<Record<string, (...args: never[]) => unknown>> = {
  add: (a: number, b: number) => a + b,
  inbound: (x: Float32Array) => (x[0] ?? 0) + (x[x.length - 1] ?? 0),
  outbound,
  echo: addToFirst,
  double: (x: Float32Array) => x.map(value => value * 2),
  nested: (value: unknown) => value,
}

function answer(port: MessagePort, { id, name, args, transfers }: WorkerRequest): void {
  const result = functions[name]?.(...(args as never[]))
  if (!transfers) {
    port.postMessage({ id, result } satisfies WorkerAnswer)
    return
  }
  const [argument] = args
  const moving = [result, argument].filter(value => value instanceof Float32Array)
  const buffers = new Set(moving.map(({ buffer }) => buffer as ArrayBuffer))
  const returned = argument instanceof Float32Array ? { argument } : {}
  port.postMessage({ id, result, ...returned } satisfies WorkerAnswer, [
    ...buffers,
  ] as Transferable[])
}

const port = parentPort
if (port) port.on('message', (request: WorkerRequest) => answer(port, request))
