// MetaCall's port for Node. Its package of npm is an adapter: the runtime has to be on the machine already, and without it
// the adapter says so when it is loaded.
import { NotOfferedError, type Session, UnavailableError } from '../contender.js'
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

/** Without its runtime the package prints why and ends the process, where a row of a table needs the reason. */
function load(): Metacall {
  const { exit } = process
  const { log } = console
  let reason = 'MetaCall did not load'
  console.log = (said: unknown) => {
    reason = said instanceof Error ? said.message : String(said)
  }
  process.exit = () => {
    throw new UnavailableError(reason)
  }
  try {
    return rivalPackage('metacall') as Metacall
  } finally {
    process.exit = exit
    console.log = log
  }
}

export async function start(): Promise<Session> {
  const library = load()
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
