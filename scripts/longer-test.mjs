// A test that `npm test` runs too, but for longer. Its comments are shown as they come; those that begin with `tried: ` are
// the figures of the run.
import { StepError } from './step.mjs'

const deadlineSeconds = 3600

/** @param limits environment variables by which the test is told how much to try */
export async function longer(path, limits) {
  const { runTapFiles, tapFiles } = await import('./tap-files.mjs') // tap-parser is there only after the set-up
  const files = tapFiles([path])
  if (files.length === 0) throw new StepError(`there is no test ${path}`)
  const tried = []
  const heard = comment => {
    if (/^(Subtest|time=|\{)/.test(comment)) return // tap's own
    const figures = /^tried: (.*)/.exec(comment)
    if (figures !== null) tried.push(figures[1])
    else console.log(`  ${comment}`)
  }
  const counts = await runTapFiles(files, {
    env: { ...process.env, ...limits },
    deadlineSeconds,
    heard,
  })
  return { ...counts, tried }
}
