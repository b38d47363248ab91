import { type RestError } from "./RestError.ts"
import { type RestAnswer, type RestQuery } from "./tradeEndpoints.ts"

/** A refusal that is not the request's own fault. */
export interface RestOutage extends RestError {
  /** Seconds. */
  readonly retryAfter: number | undefined
}

/** What comes between a request and its answer. Each is asked only about a request that would meet it. */
export interface RestInterference {
  /** The request is held without an answer, and its connection destroyed after so many ms. */
  readonly hang: () => number | undefined
  /** Why the request is refused. */
  readonly outage: () => RestOutage | undefined
  /** The answer waits so many ms. */
  readonly delay: () => number | undefined
  /** Whether the connection ends in the middle of an answer about trades. */
  readonly cut: () => boolean
  /** Answers a question about trades, which `answer` would answer truthfully. */
  readonly trades: (query: RestQuery, answer: (query: RestQuery) => RestAnswer) => RestAnswer
}
