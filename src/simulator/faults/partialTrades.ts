import { type SymbolTrades } from "../source/MarketSource.ts"

/** A symbol's trades as a replica knows them that lacks the newest `ids`. */
export const lateTrades = (trades: SymbolTrades, ids: number): SymbolTrades => ({
  ...trades,
  newest: (now) => {
    const newest = trades.newest(now)
    const oldest = trades.oldest()
    return newest === undefined || oldest === undefined || newest - ids < oldest ? undefined : newest - ids
  },
})

/** A symbol's trades where all before `floor` are gone. */
export const flooredTrades = (trades: SymbolTrades, floor: number): SymbolTrades => ({
  ...trades,
  oldest: () => {
    const oldest = trades.oldest()
    return oldest === undefined ? undefined : Math.max(oldest, floor)
  },
})
