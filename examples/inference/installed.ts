// For the tests of these examples: their Python packages are large, and `npm test` does without.
import { spawn } from 'isthmus'

/** false, or why a test is skipped: which packages the interpreter that the examples use does not have. */
export async function without(...packages: string[]): Promise<string | false> {
  const py = await spawn(new URL('./installed.py', import.meta.url))
  try {
    const missing = (await py.call('missing', packages)) as string[]
    return missing.length > 0 && `no ${missing.join(', ')} in .venv: docs/inference.md`
  } finally {
    await py.close()
  }
}
