// A process beside the one that it watches: how much memory do that one and everything it started need at most?
// Usage: memory-sampler.js <pid>. A line on stdin asks for the peak since the last line, in MB; the answer is a line
// on stdout. Without stdin it ends.
import { createInterface } from 'node:readline'
import { devShmMb, treeMemoryMb } from '../process-tree.js'

const kPauseMs = 2 // the kernel itself takes a millisecond or more for each sample of a large process

const root = Number(process.argv[2])
const others = devShmMb()
const now = (): number => treeMemoryMb(root, process.pid) - others

let peak = now()
const sampling = setInterval(() => {
  peak = Math.max(peak, now())
}, kPauseMs)

const questions = createInterface({ input: process.stdin })
questions.on('line', () => {
  const latest = now()
  process.stdout.write(`${Math.max(peak, latest)}\n`)
  peak = latest
})
questions.on('close', () => clearInterval(sampling))
