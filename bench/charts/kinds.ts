// How contenders look in charts: a colour and a mark for each kind. The colours are those of Okabe and Ito
// (https://jfly.uni-koeln.de/color/), which colour-blind people tell apart; marks and labels say the same again.
import type { Kind } from '../contender.js'
import { px } from './page.js'

export const kinds: Readonly<Record<Kind, { readonly title: string }>> = {
  ours: { title: 'Isthmus' },
  rival: { title: 'another process' },
  embedding: { title: 'Python in the Node process' },
  threads: { title: 'worker threads, no Python' },
  floor: { title: 'floor: what the machine leaves' },
}

export const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind)

/** A mark of about nine pixels. */
export function mark(kind: Kind, x: number, y: number): string {
  const [left, top] = [px(x), px(y)]
  switch (kind) {
    case 'ours':
      return `<circle class="mark ${kind}" cx="${left}" cy="${top}" r="4.5"/>`
    case 'rival':
      return `<rect class="mark ${kind}" x="${px(x - 3.5)}" y="${px(y - 3.5)}" width="7" height="7"/>`
    case 'embedding':
      return polygon(kind, [x, y - 5], [x + 5, y + 4], [x - 5, y + 4])
    case 'threads':
      return polygon(kind, [x, y - 5], [x + 5, y], [x, y + 5], [x - 5, y])
    case 'floor':
      return `<rect class="mark ${kind}" x="${px(x - 5)}" y="${px(y - 1.5)}" width="10" height="3"/>`
  }
}

const polygon = (kind: Kind, ...points: [number, number][]): string =>
  `<polygon class="mark ${kind}" points="${points.map(([x, y]) => `${px(x)},${px(y)}`).join(' ')}"/>`

/** Style rules of the page: colours as variables, for light and for dark pages. */
export const kindRules = `
:root { --ours: #0072b2; --rival: #b84f00; --embedding: #007a59; --threads: #a8487f; --floor: #6e7781 }
@media (prefers-color-scheme: dark) {
  :root { --ours: #56b4e9; --rival: #e69f00; --embedding: #2fbf92; --threads: #df9dc3; --floor: #9198a1 }
}
${Object.keys(kinds)
  .map(
    kind =>
      `.mark.${kind}, .bar.${kind} { fill: var(--${kind}) } .line.${kind}, .whisker.${kind}, .leader.${kind} { stroke: var(--${kind}) } .of-${kind} { fill: var(--${kind}) }`,
  )
  .join('\n')}
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
.line.ours { stroke-width: 3 } .line.floor { stroke-dasharray: 5 4 }
.whisker { stroke-width: 2 } .leader { stroke-width: 0.7; opacity: 0.6 }
.one:hover .line { stroke-width: 4 } .one:hover text { font-weight: 700 }
svg:has(.one:hover) .one:not(:hover) { opacity: 0.3 }`

/** Which mark is which kind, for the kinds that a chart has. */
export function legend(shown: readonly Kind[], width: number) {
  let x = 0
  let y = 12
  const body = Object.entries(kinds).flatMap(([kind, { title }]) => {
    if (!isKind(kind) || !shown.includes(kind)) return []
    const needed = 24 + title.length * 6.4
    if (x > 0 && x + needed > width) {
      x = 0
      y += 18
    }
    const part = `  ${mark(kind, x + 6, y)}<text class="quiet" x="${px(x + 16)}" y="${px(y + 4)}">${title}</text>`
    x += needed + 8
    return [part]
  })
  return { body: body.join('\n'), height: y + 10 }
}
