// The page in a real browser, without a window. Skipped where there is none.
import { decode } from 'fast-png'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { gone } from '../../../test/fixtures/processes.js'
import { until } from '../../../test/fixtures/watchdog.js'
import { findChromium, howToInstall, launchChromium } from './browser.js'
import { mostAsked } from './page/protocol.js'
import { type Live, type ServerOptions, serve } from './server.js'

const settings = { particles: 2000, dt: 0.05, seed: 1, temperature: 0.01, swirl: 0.5, workers: 1 }

interface Test extends Pick<typeof t, 'ok' | 'notOk' | 'equal' | 'same' | 'match'> {}

if (findChromium() === undefined)
  t.test('the page in a browser', { skip: howToInstall }, async () => {})
else
  t.test('the page in a browser', async t => {
    const browser = await launchChromium()
    t.teardown(() => browser.close())
    for (const [name, test] of Object.entries(tests)) await t.test(name, t => test(t, browser))
  })

const tests: Record<string, (t: Test, browser: Browser) => Promise<void>> = {
  'the picture moves, figures come, nothing is copied, energy is kept'(t, browser) {
    return withPage(t, browser, async ({ page, live }) => {
      await drawn(page)
      const first = await picture(page)
      t.ok(first.coloured > 0.2, `${first.coloured} of the pixels are coloured`)
      const step = await stepOf(page)
      await until('later steps are drawn', async () => (await stepOf(page)) > step)
      t.notOk((await picture(page)).data.equals(first.data), 'the picture changes')
      const figure = (id: string) => page.locator(`#${id}`).textContent()
      const number = async (id: string) => Number.parseFloat((await figure(id)) ?? '')
      await until('frames are counted', async () => (await number('frames-per-second')) > 0)
      t.ok((await number('steps-per-second')) > 0)
      t.match(await figure('crossing-p50'), /^[\d.]+ (µs|ms)$/)
      t.match(await figure('shared-bytes'), /^[\d.]+ [KMGT]?B$/)
      t.equal(await figure('copied-bytes'), '0')
      for (const id of ['memory-node', 'memory-python', 'memory-shared'])
        t.match(await figure(id), /^\d+ MB$/)
      t.equal(live.figures().copiedBytes, 0)
      const total = (point: { kinetic: number; potential: number }) =>
        point.kinetic + point.potential
      t.ok(Math.abs(total(live.engine.energy) / total(live.engine.history[0]!) - 1) < 0.02)
      await until('the plot says so', async () => /drift/.test((await figure('energy-text')) ?? ''))
    })
  },

  'pause, one step, temperature, particles, start again'(t, browser) {
    return withPage(t, browser, async ({ page, live }) => {
      await drawn(page)
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.getByText(/Paused at step/).waitFor()
      const { step } = live.engine
      await drawnStep(page, step)
      const still = await picture(page)
      t.ok((await picture(page)).data.equals(still.data), 'the picture is still')
      t.equal(live.engine.step, step)

      await page.getByRole('button', { name: 'One step' }).click()
      await drawnStep(page, step + 1)
      t.equal(live.engine.step, step + 1, 'exactly one step')
      t.notOk((await picture(page)).data.equals(still.data), 'another picture')

      await page.getByLabel('Temperature').fill('120')
      await until('it is hot', () => live.engine.settings.temperature === 1)
      t.ok(Math.abs(live.engine.energy.kinetic / 2000 - 1) < 1e-3)

      await page.getByLabel('Time step').fill('60')
      await until('steps are of another length', () => live.engine.settings.dt === 0.014)

      await page.getByLabel('Particles', { exact: true }).fill('0')
      await page.locator('#picture[data-step="0"]').waitFor()
      t.equal(live.engine.settings.particles, 1000)
      t.match(await page.locator('#particles-value').textContent(), '1,000')

      await page.getByLabel('Seed').fill('5')
      await page.getByRole('button', { name: 'Start again' }).click()
      await until('another run', () => live.engine.run === 3)
      t.match(live.engine, { settings: { seed: 5 }, step: 0, phase: 'paused' })
    })
  },

  'keys do what the buttons do, and not while somebody types'(t, browser) {
    return withPage(t, browser, async ({ page, live }) => {
      await drawn(page)
      await page.keyboard.press(' ')
      await until('paused', () => live.engine.phase === 'paused')
      const { step, run } = live.engine
      await page.keyboard.press('ArrowRight')
      await until('one step', () => live.engine.step === step + 1)
      await page.getByLabel('Seed').focus()
      await page.keyboard.press('r')
      await page.keyboard.press('ArrowRight')
      await page.getByRole('button', { name: 'Go on' }).focus()
      await page.keyboard.press(' ')
      await until(
        'the button that has the focus was pressed, once',
        () => live.engine.phase === 'running',
      )
      t.equal(live.engine.run, run)
      await page.keyboard.press('r')
      await until('started again', () => live.engine.run === run + 1)
    })
  },

  'two tabs; nobody left, nothing held; the simulation rests'(t, browser) {
    return withPage(
      t,
      browser,
      async ({ page, live, errors }) => {
        await drawn(page)
        const other = await page.context().newPage()
        await other.goto(live.url)
        await drawn(other)
        t.equal(live.viewers.size, 2)
        await other.getByRole('button', { name: 'Pause' }).click()
        await page.getByText(/Paused at step/).waitFor()
        await other.getByRole('button', { name: 'Go on' }).click()
        await page.bringToFront()
        const step = await stepOf(page)
        await until('the first one goes on', async () => (await stepOf(page)) > step)
        t.same(errors, [])
        await page.context().close()
        await until('nobody looks', () => live.viewers.size === 0)
        await until('it rests', () => live.engine.phase === 'resting')
        t.ok(live.engine.simulation.stats().states <= 3)
      },
      { restAfterMs: 100 },
    )
  },

  'a page that draws nothing is sent nothing, and others get their frames'(t, browser) {
    return withPage(t, browser, async ({ page, live }) => {
      await drawn(page)
      // What a hidden tab does, too: the browser calls nobody before it paints. The page has been called for the last time.
      await page.evaluate(`new Promise(done => {
        const paint = requestAnimationFrame
        window.requestAnimationFrame = () => 0
        paint(() => paint(done))
      })`)
      const viewer = [...live.viewers][0]!
      const { frames } = viewer
      const other = await page.context().newPage()
      await other.goto(live.url)
      await drawn(other)
      const { step } = live.engine
      await until('the simulation goes on', () => live.engine.step > step + 20)
      t.ok(viewer.frames <= frames + mostAsked, `${viewer.frames - frames} frames`)
      const before = await stepOf(other)
      await until('the other page goes on', async () => (await stepOf(other)) > before)
    })
  },

  'the server goes: the page says so, and comes back when it does'(t, browser) {
    return withPage(t, browser, async ({ page, live }) => {
      await drawn(page)
      const { pids } = live.engine.simulation.stats()
      const port = Number(new URL(live.url).port)
      await live[Symbol.asyncDispose]()
      await Promise.all(pids.map(gone))
      await page.getByText(/Connection lost; trying again/).waitFor()
      t.ok(await page.getByRole('button', { name: 'Pause' }).isDisabled())
      await using again = await serve({ ...settings, port })
      await page.getByText(/Running/).waitFor()
      await until('it looks again', () => [...again.viewers].some(({ frames }) => frames > 2))
    })
  },

  'less motion is asked for: the picture changes once a second, until the box is ticked'(
    t,
    browser,
  ) {
    return withPage(
      t,
      browser,
      async ({ page }) => {
        await drawn(page)
        const motion = page.getByLabel('Show motion')
        t.notOk(await motion.isChecked())
        await motion.check()
        const step = await stepOf(page)
        await until('it moves', async () => (await stepOf(page)) > step)
      },
      {},
      { reducedMotion: 'reduce' },
    )
  },

  'the graphics context is lost and comes back'(t, browser) {
    return withPage(t, browser, async ({ page }) => {
      await drawn(page)
      await page.evaluate(`
        window.extension = document.getElementById('picture').getContext('webgl2').getExtension('WEBGL_lose_context')
        extension.loseContext()`)
      await page.getByText(/graphics context was lost/).waitFor()
      await page.evaluate('extension.restoreContext()')
      await page.locator('#overlay').waitFor({ state: 'hidden' })
      const step = await stepOf(page)
      await until('it draws again', async () => (await stepOf(page)) > step)
      t.ok((await picture(page)).coloured > 0.2)
    })
  },

  'without WebGL 2, the page says so and the rest works'(t, browser) {
    return withPage(
      t,
      browser,
      async ({ page, live }) => {
        await page.addInitScript('HTMLCanvasElement.prototype.getContext = () => null')
        await page.reload()
        await page.getByText(/this browser has no WebGL 2/).waitFor()
        await page.getByRole('button', { name: 'Pause' }).click()
        await until('paused', () => live.engine.phase === 'paused')
      },
      {},
      {},
      /./,
    )
  },
}

interface Stage {
  readonly page: Page
  readonly live: Live
  /** What the page complained about. */
  readonly errors: string[]
}

/** A server and a page on it, whose network has nothing but that server. */
async function withPage(
  t: Test,
  browser: Browser,
  work: (stage: Stage) => Promise<void>,
  options: Partial<ServerOptions> = {},
  context: BrowserContextOptions = {},
  // The server is gone, or not yet ready: it answers 404 until Python has started.
  allowed = /net::ERR_CONNECTION_REFUSED|^WebSocket .* response code: 404/,
): Promise<void> {
  await using live = await serve({ port: 0, ...settings, ...options })
  await using tab = await browser.newContext({ viewport: { width: 760, height: 420 }, ...context })
  const refused: string[] = []
  await tab.route(
    url => !`${url}`.startsWith(live.url),
    route => {
      refused.push(route.request().url())
      return route.abort()
    },
  )
  const page = await tab.newPage()
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', message => {
    if (message.type() === 'error' && !allowed.test(message.text())) errors.push(message.text())
  })
  await page.goto(live.url)
  await work({ page, live, errors })
  t.same(refused, [], 'it asks nobody else')
  t.same(
    errors.filter(error => !allowed.test(error)),
    [],
    'it complains about nothing',
  )
}

const stepOf = async (page: Page) =>
  Number((await page.locator('#picture').getAttribute('data-step')) ?? -1)

const drawnStep = (page: Page, step: number) =>
  page.locator(`#picture[data-step="${step}"]`).waitFor()

const drawn = (page: Page) => until('a frame is drawn', async () => (await stepOf(page)) >= 0)

/** The pixels of the picture, and which part of them is not dark. */
async function picture(page: Page): Promise<{ data: Buffer; coloured: number }> {
  const { data, channels, width, height } = decode(await page.locator('#picture').screenshot())
  let coloured = 0
  for (let at = 0; at < data.length; at += channels)
    if (Math.max(data[at]!, data[at + 1]!, data[at + 2]!) > 60) coloured++
  return { data: Buffer.from(data as Uint8Array), coloured: coloured / (width * height) }
}
