// Runs a test program, shows what it prints and reads its closing `N passed, N failed`.
import { spawn } from 'node:child_process'
import { root } from './step.mjs'

/** Like running it in the terminal, but its output is also returned. */
export function shown(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      ...options,
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
      process.stdout.write(text)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ output, code: signal ? 1 : code }))
  })
}

/** The counts in the last such line; a program that did not get that far counts as one failure. */
export function count(output) {
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1)
  return last ? { passed: Number(last[1]), failed: Number(last[2]) } : { passed: 0, failed: 1 }
}

export const closingLine = ({ passed, failed }) => `${passed} passed, ${failed} failed`

export const sum = counts => ({
  passed: counts.reduce((total, { passed }) => total + passed, 0),
  failed: counts.reduce((total, { failed }) => total + failed, 0),
})
