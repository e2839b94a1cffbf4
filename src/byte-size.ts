const powers = ['', 'k', 'm', 'g', 't']

/** A whole number of bytes, or a text such as '512MiB' (2^20) or '2GB' (10^9); undefined for anything else. */
export function parseBytes(given: unknown): number | undefined {
  if (typeof given === 'number')
    return Number.isSafeInteger(given) && given >= 0 ? given : undefined
  if (typeof given !== 'string') return undefined
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*$/i.exec(given)
  if (match === null) return undefined
  const [, number, prefix = '', binary] = match
  const bytes = Number(number) * (binary ? 1024 : 1000) ** powers.indexOf(prefix.toLowerCase())
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined
}
