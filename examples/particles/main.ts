/** A particle simulation: numpy computes every step, Node drives, and the arrays are never copied. */
import { IsthmusError } from 'isthmus'
import { CheckpointError } from './checkpoint.js'
import { Interruption } from './interruption.js'
import { parseOptions, UsageError } from './options.js'
import { formatReport } from './report.js'
import { run } from './run.js'

// A terminal that was closed, or a pipe that nobody reads any more, does not end the run.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  const options = parseOptions(process.argv.slice(2))
  if (typeof options === 'string') console.log(options)
  else {
    using interruption = new Interruption()
    const report = await run(options, interruption)
    console.log(options.json ? JSON.stringify(report, null, 2) : formatReport(report))
    if (report.interrupted) process.exitCode = interruption.exitCode
  }
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message} (--help lists the options)`)
    process.exitCode = 2
  } else if (error instanceof CheckpointError || error instanceof IsthmusError) {
    console.error(error.message)
    process.exitCode = 1
  } else throw error
}
