import { type Listing } from "./Listing.ts"

/** One trade as an exchange knows it. Prices and quantities are integers, 10^-8 of a unit. */
export interface SourceTrade {
  readonly id: number
  readonly price: bigint
  readonly quantity: bigint
  /** Matching time, µs since the epoch. */
  readonly time: number
  /** True: the aggressor sold. */
  readonly buyerIsMaker: boolean
}

/** Consecutive raw trades of one taker order at one instant and one price. */
export interface SourceAggregate extends SourceTrade {
  readonly firstTradeId: number
  readonly lastTradeId: number
}

/** One stream (`btcusdt@trade`): events at consecutive integer positions that become public as the clock runs. */
export interface Channel {
  readonly stream: string
  /** Of a trade stream only: its trades are what "sent" counts. */
  readonly symbol: string | undefined
  /** The first client subscribed at `now` (µs); called again for later ones, which changes nothing. */
  readonly start: (now: number) => void
  /** The highest position that is public at `now`; anything lower than the first one while nothing is. */
  readonly newest: (now: number) => number
  /**
   * The JSON event as a binary string: one character a byte of its UTF-8, so that frames are joined and measured
   * without encoding them again.
   */
  readonly event: (position: number, micros: boolean) => string
  /** The trade id at a position of a trade stream. */
  readonly tradeId: (position: number) => number
}

/** The trades of one symbol, by id. */
export interface SymbolTrades {
  readonly listing: Listing
  /** The lowest id that can still be had; undefined while there is none. */
  readonly oldest: () => number | undefined
  /** The highest public id at `now`; undefined while there is none. */
  readonly newest: (now: number) => number | undefined
  /** Undefined where the source has no such trade. */
  readonly trade: (id: number) => SourceTrade | undefined
  /** The lowest id whose time is `time` (µs) or later. */
  readonly firstAt: (time: number) => number
  /** The aggregate that a raw trade belongs to. */
  readonly aggregateOf: (id: number) => SourceAggregate | undefined
  readonly aggregate: (aggregateId: number) => SourceAggregate | undefined
}

/** Where the simulated exchange takes its trades from. */
export interface MarketSource {
  /** By symbol, as listed. */
  readonly symbols: ReadonlyMap<string, SymbolTrades>
  /** Undefined for a stream that does not exist. */
  readonly channel: (stream: string) => Channel | undefined
  /** Fixes the symbols' first and last trade of this run, for those that do not wait for a subscriber. */
  readonly open: (now: number) => void
}
