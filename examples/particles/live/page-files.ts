// The files of the page: exactly these, each at one address, and the headers that they are sent with.
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const uplot = join(dirname(createRequire(import.meta.url).resolve('uplot')))

/** Where a file is, by its address. Modules keep their places relative to each other. */
const files = new Map<string, string>([
  ['/', here('page/index.html')],
  ['/style.css', here('page/style.css')],
  ['/icon.svg', here('page/icon.svg')],
  ['/inferno.js', here('../inferno.js')],
  ['/uplot.js', join(uplot, 'uPlot.esm.js')],
  ['/uplot.css', join(uplot, 'uPlot.min.css')],
  ...readdirSync(here('page/'))
    .filter(name => name.endsWith('.js'))
    .map((name): [string, string] => [`/live/page/${name}`, here(`page/${name}`)]),
])

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The import map is the only thing in the page that is not a file of its own; its hash allows it and nothing else. */
function importMapHash(): string {
  const page = readFileSync(here('page/index.html'), 'utf8')
  const map = /<script type="importmap">(.*?)<\/script>/s.exec(page)![1]!
  return createHash('sha256').update(map).digest('base64')
}

const headers = {
  'content-security-policy': [
    "default-src 'none'",
    `script-src 'self' 'sha256-${importMapHash()}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
}

export function answerWithFile({ method, url }: IncomingMessage, response: ServerResponse): void {
  const path = files.get((url ?? '').replace(/\?.*/s, ''))
  if (method !== 'GET' && method !== 'HEAD') refuse(response, 405, 'only GET and HEAD')
  else if (path === undefined) refuse(response, 404, 'there is no such file')
  else send(path, method, response)
}

function send(path: string, method: 'GET' | 'HEAD', response: ServerResponse): void {
  const type = types[extname(path)]!
  response.writeHead(200, { ...headers, 'content-type': type })
  if (method === 'HEAD') response.end()
  else
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response)
}

export function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${text}\n`)
}
