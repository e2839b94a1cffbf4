// A stretch of the run, in figures.
import type { Answer, Offered } from './offer.js'

export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Phase {
  readonly name: string
  /** Requests per second that were meant to be sent; undefined: as fast as they are answered. */
  readonly rate: number | undefined
  /** Seconds since the run began. */
  readonly from: number
  readonly to: number
  /** Requests per second that were answered, whatever the answer. */
  readonly offered: number
  /** Per second, with 200. */
  readonly accepted: number
  /** Share of answers that were 503. */
  readonly refused: number
  /** Milliseconds, of those with 200, and of those with 503. */
  readonly latency: Latency
  readonly refusal: Latency
  /** Answers with another status than 200 and 503; requests without an answer. */
  readonly other: number
  readonly unanswered: number
}

/** @param seconds for which each connection has sent */
export function phase(
  name: string,
  [from, to]: readonly [number, number],
  seconds: number,
  rate: number | undefined,
  { answers, unanswered }: Offered,
): Phase {
  const accepted = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status === 503)
  return {
    name,
    rate,
    from,
    to,
    offered: answers.length / seconds,
    accepted: accepted.length / seconds,
    refused: refused.length / Math.max(1, answers.length),
    latency: latencyOf(accepted),
    refusal: latencyOf(refused),
    other: answers.length - accepted.length - refused.length,
    unanswered,
  }
}

export function latencyOf(answers: readonly Answer[]): Latency {
  const sorted = Float64Array.from(answers, ({ ms }) => ms).sort()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

export interface Second {
  readonly at: number
  readonly offered: number
  readonly accepted: number
  readonly refused: number
  readonly p50: number
  readonly p99: number
}

/** The whole run second by second, for the picture; those without answers are left out. */
export function secondsOf(answers: readonly Answer[]): Second[] {
  const bins = new Map<number, Answer[]>()
  for (const answer of answers) {
    const bin = Math.floor(answer.at)
    if (!bins.get(bin)?.push(answer)) bins.set(bin, [answer])
  }
  return [...bins]
    .sort(([a], [b]) => a - b)
    .map(([at, all]) => {
      const accepted = all.filter(({ status }) => status === 200)
      const refused = all.filter(({ status }) => status === 503)
      const { p50, p99 } = latencyOf(accepted)
      return {
        at,
        offered: all.length,
        accepted: accepted.length,
        refused: refused.length,
        p50,
        p99,
      }
    })
}
