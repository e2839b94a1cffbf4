// Finds a Chromium and starts it without a window. playwright-core brings no browser of its own.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']

export const howToInstall =
  'no Chromium was found: apt-get install -y --no-install-recommends chromium, or set ISTHMUS_CHROMIUM'

/** ISTHMUS_CHROMIUM, or the first browser on PATH. */
export function findChromium(): string | undefined {
  const { ISTHMUS_CHROMIUM, PATH = '' } = process.env
  if (ISTHMUS_CHROMIUM) return ISTHMUS_CHROMIUM
  const folders = PATH.split(delimiter).filter(Boolean)
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @throws when there is none */
export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(howToInstall)
  return chromium.launch({
    executablePath,
    // Machines of CI have no GPU and run as root: WebGL is computed, and Chromium's own sandbox refuses root.
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  })
}
