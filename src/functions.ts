// `py.fn.step(…)` and `py.fn.linalg.norm(…)`: names looked up as properties become calls.

/** A callable whose properties are callables too. Typed when declarations were generated. */
export interface RemoteFunction {
  (...args: unknown[]): Promise<unknown>
  readonly [name: string]: RemoteFunction
}

/** What `bridge.fn` is. */
export interface RemoteFunctions {
  readonly [name: string]: RemoteFunction
}

type Call = (name: string, args: unknown[]) => Promise<unknown>

/** Names that JavaScript itself asks for: an object with a `then` would be taken for a promise. */
const notNames = new Set(['then', 'toJSON', 'constructor', 'prototype'])

export function remoteFunctions(call: Call): RemoteFunctions {
  return children('', call, Object.create(null)) as unknown as RemoteFunctions
}

function children(prefix: string, call: Call, target: object): object {
  const known = new Map<string, unknown>()
  return new Proxy(target, {
    get(_, name) {
      if (typeof name !== 'string' || notNames.has(name)) return undefined
      let found = known.get(name)
      if (found === undefined) {
        const path = prefix + name
        found = children(`${path}.`, call, (...args: unknown[]) => call(path, args))
        known.set(name, found)
      }
      return found
    },
  })
}
