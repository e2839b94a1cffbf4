// What a page may ask: each message is checked before anything is done.
import { plainRequests, type Range, type Request, ranges, type Setting } from './page/protocol.js'

/** `message` is for whoever made the request. */
export class RequestError extends Error {
  override name = 'RequestError'
}

const isPlain = (ask: unknown): ask is (typeof plainRequests)[number] =>
  (plainRequests as readonly unknown[]).includes(ask)

const isSetting = (ask: unknown): ask is Setting =>
  typeof ask === 'string' && Object.hasOwn(ranges, ask)

/** @throws RequestError */
export function parseRequest(text: string): Request {
  const message = parsed(text)
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    throw new RequestError('a request is a JSON object, such as {"ask":"pause"}')
  const { ask, value, ...others } = message as Record<string, unknown>
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw new RequestError(`a request has no "${shortened(unknown)}"`)
  if (isPlain(ask)) {
    if (value !== undefined) throw new RequestError(`"${ask}" takes no value`)
    return { ask }
  }
  if (!isSetting(ask)) {
    const known = [...plainRequests, ...Object.keys(ranges)].join(', ')
    throw new RequestError(
      `unknown request ${shortened(String(JSON.stringify(ask)))}; there are ${known}`,
    )
  }
  if (!within(ranges[ask], value))
    throw new RequestError(
      `${ask} must be ${described(ranges[ask])}, not ${shortened(String(JSON.stringify(value)))}`,
    )
  return { ask, value }
}

export const within = ({ least, most, whole }: Range, value: unknown): value is number =>
  typeof value === 'number' &&
  value >= least &&
  value <= most &&
  (!whole || Number.isInteger(value))

export const described = ({ least, most, whole }: Range) =>
  `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`

const shortened = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RequestError('a request is JSON, such as {"ask":"pause"}')
  }
}
