// What all charts of the documentation share: their page, its fonts and colours on light and on dark backgrounds.

export const width = 960

export interface Page {
  readonly height: number
  /** For who cannot see it: what it shows, and what is to be seen in it. */
  readonly title: string
  readonly description: string
  /** Style rules of the chart's own, one on each line; `dark` is what is different on dark pages. */
  readonly rules: readonly string[]
  readonly dark: readonly string[]
  /** Elements, one after another. */
  readonly body: readonly string[]
}

export function page({ height, title, description, rules, dark, body }: Page): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
  <title id="title">${escaped(title)}</title>
  <desc id="desc">${escaped(description)}</desc>
  <style>
    .page { fill: #ffffff; stroke: #d0d7de }
    ${rules.join('\n    ')}
    text { font: 12px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; fill: #24292f }
    .head { font-size: 16px; font-weight: 600 }
    .title { font-weight: 600 }
    .quiet { fill: #57606a; font-size: 11px }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #30363d }
      ${dark.join('\n      ')}
      text { fill: #e6edf3 }
      .quiet { fill: #9198a1 }
    }
  </style>
  <rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="12"/>
${body.join('\n')}
</svg>
`
}

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** A coordinate: a tenth of a pixel is enough. */
export const px = (value: number): number => Number(value.toFixed(1))
