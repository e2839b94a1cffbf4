// What the charts of a result's page share: they are drawn at a width, have a name and words for who cannot see them.
import type { Kind } from '../contender.js'
import { escaped } from './page.js'

export interface Words {
  /** Unique on the page. */
  readonly name: string
  readonly title: string
  /** What is to be seen, in a sentence. */
  readonly description: string
}

/** A drawing for one width: wide pages and narrow ones show different ones of the same chart. */
export type Drawing = (width: number) => {
  readonly height: number
  readonly body: readonly string[]
}

export interface Chart extends Words {
  readonly draw: Drawing
}

const widths = { wide: 920, narrow: 380 }

function svg(chart: Chart, form: 'wide' | 'narrow'): string {
  const width = widths[form]
  const { height, body } = chart.draw(width)
  const id = `${chart.name}-${form}`
  return `<svg class="${form}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
  <title id="${id}-title">${escaped(chart.title)}</title>
  <desc id="${id}-desc">${escaped(chart.description)}</desc>
${body.join('\n')}
</svg>`
}

export const drawn = (chart: Chart): string => `${svg(chart, 'wide')}\n${svg(chart, 'narrow')}`

/**
 * Places for labels that wish to be at some heights and may not lie over one another: the least squares of the
 * distances. Without the gaps, labels must only not change their order, so groups that do take their mean.
 */
export function spread(wished: readonly number[], gap: number, top: number, bottom: number) {
  const order = wished.map((_, at) => at).sort((a, b) => wished[a]! - wished[b]!)
  const groups: { sum: number; count: number }[] = []
  for (const [rank, at] of order.entries()) {
    groups.push({ sum: wished[at]! - rank * gap, count: 1 })
    for (;;) {
      const [before, last] = groups.slice(-2)
      if (!before || !last || before.sum / before.count <= last.sum / last.count) break
      groups.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count })
    }
  }
  const limit = Math.max(top, bottom - (wished.length - 1) * gap)
  const means = groups.flatMap(({ sum, count }) => Array<number>(count).fill(sum / count))
  const places = [...wished]
  for (const [rank, at] of order.entries())
    places[at] = Math.min(Math.max(means[rank]!, top), limit) + rank * gap
  return places
}

/** In the order in which the legend has them. */
export const kindsOf = (things: readonly { readonly kind: Kind }[]): Kind[] => [
  ...new Set(things.map(({ kind }) => kind)),
]
