import { Effect } from "effect"
import { type ExchangeProcess } from "../fixtures/service/ExchangeProcess.ts"

/** From the first to the last trade of a symbol that left the exchange. */
export interface SentOfSymbol {
  readonly firstId: number
  readonly lastId: number
  /** Distinct ids. */
  readonly count: number
}

/** What had left the exchange at one moment. */
export interface Sent {
  /** Of a clock that only rises, in ms. */
  readonly at: number
  /** Of all symbols. */
  readonly count: number
  readonly bySymbol: Readonly<Record<string, SentOfSymbol>>
}

/** What has left the exchange by now. */
export const sentNow = ({ sent }: ExchangeProcess): Effect.Effect<Sent> =>
  Effect.map(sent, (bySymbol) => ({
    at: performance.now(),
    count: Object.values(bySymbol).reduce((total, { count }) => total + count, 0),
    bySymbol,
  }))

/** Trades a second from one moment to another. */
export const rateOf = (from: Sent, to: Sent): number => ((to.count - from.count) / (to.at - from.at)) * 1000
