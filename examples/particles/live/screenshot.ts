/** Takes the picture of the page for the documentation, at a step at which there is something to see. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { decode, encode } from 'fast-png'
import { until } from '../../../test/fixtures/watchdog.js'
import { launchChromium } from './browser.js'
import { serve } from './server.js'

const usage = `Usage: npm run particles:screenshot -- [options]

  --out FILE       docs/particles-live.png
  --step N         of the simulation: 700
  --particles N    100000
  --width PX, --height PX   of the window: 1180, 830
  --dark           as for somebody who prefers dark pages`

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/particles-live.png' },
    step: { type: 'string', default: '700' },
    particles: { type: 'string', default: '100000' },
    width: { type: 'string', default: '1180' },
    height: { type: 'string', default: '830' },
    dark: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(usage)
else await take()

async function take(): Promise<void> {
  const particles = Number(values.particles)
  const start = { dt: 0.05, seed: 1, temperature: 0.01, swirl: 0.5, workers: 1 }
  await using live = await serve({ port: 0, particles, ...start })
  await using browser = await launchChromium()
  const page = await browser.newPage({
    viewport: { width: Number(values.width), height: Number(values.height) },
    colorScheme: values.dark ? 'dark' : 'light',
  })
  await page.goto(live.url)
  const minutes = 60_000
  const state = () => ({ step: live.engine.step, phase: live.engine.phase })
  await until('the step', () => live.engine.step >= Number(values.step), state, 5 * minutes)
  await live.engine.ask({ ask: 'pause' })
  // Chromium draws on the processors that the simulation used: it is done soon after.
  await page.locator(`#picture[data-step="${live.engine.step}"]`).waitFor()
  const path = resolve(values.out)
  const png = smaller(await page.screenshot({ fullPage: true }))
  writeFileSync(path, png)
  console.log(`${path}: ${Math.round(png.length / 1024)} KB, step ${live.engine.step}`)
}

/** With 32 levels of each colour: nobody sees it among so many dots, and the file is half as long. */
function smaller(png: Uint8Array): Uint8Array {
  const picture = decode(png)
  const data = (picture.data as Uint8Array).map(level => (level & 0xf8) | (level >> 5))
  return encode({ ...picture, data })
}
