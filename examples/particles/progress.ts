import { SingleBar } from 'cli-progress'

/** Shows how far the run is, on stderr: a bar on a terminal, ten lines elsewhere. */
export interface Progress {
  update(step: number, note: string): void
  stop(): void
}

export function startProgress(steps: number): Progress {
  return process.stderr.isTTY ? bar(steps) : lines(steps)
}

function bar(steps: number): Progress {
  const single = new SingleBar({
    format: '{bar} {percentage} % | step {value}/{total} | {note} | {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    etaBuffer: 50,
    hideCursor: null,
    // Its handler would swallow the first Ctrl-C.
    gracefulExit: false,
  })
  single.start(steps, 0, { note: 'starting' })
  return { update: (step, note) => single.update(step, { note }), stop: () => single.stop() }
}

function lines(steps: number): Progress {
  const every = Math.max(1, Math.ceil(steps / 10))
  return {
    update(step, note) {
      if (step % every === 0 || step === steps) console.error(`step ${step}/${steps}, ${note}`)
    },
    stop() {},
  }
}
