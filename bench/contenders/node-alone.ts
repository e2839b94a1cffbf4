// No Python at all: what Node does by itself while a bridge would be idle.
import { NotOfferedError, type Session } from '../contender.js'

export function start(): Promise<Session> {
  const unsupported = (): never => {
    throw new NotOfferedError('arrays')
  }
  return Promise.resolve({
    add: (a, b) => Promise.resolve(a + b),
    place: unsupported,
    inbound: unsupported,
    outbound: unsupported,
    echo: unsupported,
    double: unsupported,
    discard: unsupported,
    copiedBytes: () => undefined,
    close: () => Promise.resolve(),
  })
}
