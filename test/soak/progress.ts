// How far the soak is, on stderr: a bar on a terminal, a line now and then elsewhere.
import { SingleBar } from 'cli-progress'

export interface Progress {
  update(seconds: number, note: string): void
  stop(): void
}

export const startProgress = (seconds: number): Progress =>
  process.stderr.isTTY ? bar(seconds) : lines(seconds)

function bar(seconds: number): Progress {
  const single = new SingleBar({
    format: '{bar} {value}/{total} s | {note}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: null,
    // Its handler would swallow the first Ctrl-C.
    gracefulExit: false,
  })
  single.start(Math.round(seconds), 0, { note: 'starting' })
  return {
    update: (at, note) => single.update(Math.round(at), { note }),
    stop: () => single.stop(),
  }
}

function lines(seconds: number): Progress {
  const every = Math.max(5, seconds / 20)
  let next = every
  return {
    update(at, note) {
      if (at < next) return
      next += every
      console.error(`${Math.round(at)} of ${Math.round(seconds)} s: ${note}`)
    },
    stop() {},
  }
}
