// MetaCall's port for Node. Its package of npm is an adapter: the runtime has to be on the machine already, and without it
// the adapter says so when it is loaded.
import { NotOfferedError, type Session } from '../contender.js'
import { rivalPackage } from '../packages.js'
import { source } from '../paths.js'

interface Metacall {
  metacall_load_from_file_export(
    tag: 'py',
    files: readonly string[],
  ): {
    add(a: number, b: number): number
  }
}

export async function start(): Promise<Session> {
  const library = rivalPackage('metacall') as Metacall
  const { add } = library.metacall_load_from_file_export('py', [
    source('contenders', 'functions.py'),
  ])
  const arrays = (): never => {
    throw new NotOfferedError('arrays')
  }
  return {
    add: async (a, b) => add(a, b),
    addSync: add,
    place: arrays,
    inbound: arrays,
    outbound: arrays,
    echo: arrays,
    double: arrays,
    discard: arrays,
    copiedBytes: () => undefined,
    close: () => Promise.resolve(),
  }
}
