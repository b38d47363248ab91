import { Context, type Effect } from "effect"
import type { Trade } from "../market/Trade.ts"
import type { RestError } from "./RestError.ts"

/** Most trades of one answer. */
export const PAGE = 1000

/** Consecutive trades, as far as the exchange serves them. */
export interface HistoryPage {
  /** Oldest first, none below the id that was asked for, at most `PAGE`. */
  readonly trades: ReadonlyArray<Trade>
  /**
   * Why this host cannot serve ids below the first of `trades`. With it, trades that start later than asked prove nothing;
   * without it, they prove that the exchange no longer serves the ids in between.
   */
  readonly limitation: string | undefined
}

/** What the exchange still serves of the past. */
export class TradeHistory extends Context.Service<
  TradeHistory,
  {
    /** The trades of the symbol from `fromId` on. Empty proves nothing: the newest trades come late. */
    page(symbol: string, fromId: number): Effect.Effect<HistoryPage, RestError>
    /** The newest trades of the symbol, oldest first, at most `PAGE`. */
    newest(symbol: string): Effect.Effect<ReadonlyArray<Trade>, RestError>
  }
>()("fulltape/feed/TradeHistory") {}
