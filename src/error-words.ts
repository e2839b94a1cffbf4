// The longer parts of what errors.ts says.

export const shellWord = (text: string) =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

export const megabytes = (bytes: number) =>
  bytes < 1e5
    ? `${bytes} bytes`
    : `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`

export const lastLines = (stderr: readonly string[]) =>
  stderr.length === 0 ? '' : `. The last lines of its stderr:\n  ${stderr.join('\n  ')}`

export function howItEnded(
  exitCode: number | null,
  signal: string | null,
  killedFor?: string,
): string {
  if (killedFor !== undefined)
    return `the Python process was killed, because ${killedFor}() went on after its call had been given up (option kill)`
  if (signal === 'SIGKILL')
    return 'the Python process was killed (SIGKILL: by someone, or by the system because memory ran out)'
  if (signal === 'SIGSEGV' || signal === 'SIGBUS' || signal === 'SIGABRT')
    return `the Python process crashed (${signal}: a fault in native code, not a Python exception)`
  if (signal !== null) return `the Python process was ended by ${signal}`
  return `the Python process has exited with code ${exitCode ?? 'unknown'}`
}

export function howToGetPython(tried: readonly { readonly rule: string }[]): string {
  const [only] = tried
  if (tried.length === 1 && (only?.rule === 'option python' || only?.rule === 'ISTHMUS_PYTHON'))
    return `correct ${only.rule}, or leave it out to let isthmus search`
  return 'install Python 3.11 or newer, `python3 -m venv .venv && .venv/bin/pip install numpy msgspec`, or set the option `python`'
}

/** By what the system says when they are reached. */
const limits: readonly (readonly [said: RegExp, advice: string])[] = [
  [/\bENFILE\b|Too many open files in system/, 'no process of this machine can open more files'],
  [/\bEMFILE\b|Too many open files/, 'close some files, or raise `ulimit -n`'],
  [/\bEAGAIN\b/, 'end some processes, or raise `ulimit -u`'],
  [/\bENOMEM\b|Cannot allocate memory/, 'there is too little memory, or `ulimit -v` is too low'],
  [/\bEFBIG\b|File too large/, 'raise `ulimit -f`'],
]

export function whichLimit(problem: string): string {
  const [, advice] = limits.find(([said]) => said.test(problem)) ?? []
  return advice === undefined ? '' : `; ${advice}`
}
