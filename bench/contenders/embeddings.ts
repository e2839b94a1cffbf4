// Python inside the Node process: no other process, no wire, and the event loop stands still during a call.
// Each is called as its documentation says is fastest, with the function looked up beforehand where it can be.
import { NotOfferedError, type Session } from '../contender.js'
import { embeddedPackage } from '../packages.js'
import { source } from '../paths.js'

type Add = (a: number, b: number) => number

function session(addSync: Add): Session {
  const unsupported = (): never => {
    throw new NotOfferedError('arrays')
  }
  return {
    add: async (a, b) => addSync(a, b),
    addSync,
    place: unsupported,
    inbound: unsupported,
    outbound: unsupported,
    echo: unsupported,
    double: unsupported,
    discard: unsupported,
    copiedBytes: () => undefined,
    close: async () => undefined,
  }
}

interface NodeCallsPython {
  readonly interpreter: {
    importSync(file: string): object
    callSync(module: object, name: string, ...args: unknown[]): unknown
  }
}

export async function nodeCallsPython(): Promise<Session> {
  const { interpreter } = embeddedPackage('node-calls-python') as NodeCallsPython
  const module = interpreter.importSync(source('contenders', 'functions.py'))
  return session((a, b) => interpreter.callSync(module, 'add', a, b) as number)
}

interface PyObject {
  get(name: string): PyObject
  call(...args: unknown[]): PyObject
  toJS(): unknown
}

export async function pymport(): Promise<Session> {
  const library = embeddedPackage('pymport') as { pymport(name: string): PyObject }
  const add = library.pymport('functions').get('add')
  return session((a, b) => add.call(a, b).toJS() as number)
}
