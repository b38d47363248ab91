import { listingOf } from "./Listing.ts"
import { type Channel, type MarketSource, type SymbolTrades } from "./MarketSource.ts"
import { makeSyntheticSymbol } from "./SyntheticSymbol.ts"

export interface SyntheticMarketOptions {
  readonly seed: string
  readonly symbols: ReadonlyArray<string>
  /** Trades a second, over all symbols together. */
  readonly rate: number
  /** µs since the epoch at which every symbol's first trade happened. */
  readonly epoch: number
  /** The first trade's id, of every symbol; undefined: each symbol's own, BTCUSDT's beyond 32 bits. */
  readonly startId: number | undefined
  /** Trades of each symbol in this run; undefined: no end. */
  readonly count: number | undefined
  /** Whether the count starts with a symbol's first subscriber, rather than with the run. */
  readonly atSubscribe: boolean
}

/**
 * A market that nobody has to remember: trade n of a symbol, and when it happened, follow from the options alone.
 * Started again with the same options it continues, and any old trade can be had without keeping one.
 * Other symbols, another rate or another epoch make another market, whose ids lie elsewhere.
 */
export const makeSyntheticMarket = (options: SyntheticMarketOptions): MarketSource => {
  const listings = [...new Set(options.symbols)].map(listingOf)
  const weights = listings.reduce((sum, listing) => sum + listing.weight, 0)
  const symbols = new Map<string, SymbolTrades>()
  const channels = new Map<string, Channel>()
  const starts: Array<(now: number) => void> = []
  for (const listing of listings) {
    const symbol = makeSyntheticSymbol({
      seed: options.seed,
      listing,
      tradesPerSecond: (options.rate * listing.weight) / weights,
      epoch: options.epoch,
      startId: options.startId ?? listing.startId,
      count: options.count,
    })
    symbols.set(listing.symbol, symbol.trades)
    channels.set(symbol.tradeChannel.stream, symbol.tradeChannel)
    channels.set(symbol.aggregateChannel.stream, symbol.aggregateChannel)
    starts.push(symbol.start)
  }
  return {
    symbols,
    channel: (stream) => channels.get(stream),
    open: (now) => {
      if (!options.atSubscribe) {
        starts.forEach((start) => start(now))
      }
    },
  }
}
