import { type SourceAggregate, type SourceTrade } from "../source/MarketSource.ts"
import { decimalOfBigUnits } from "../source/units.ts"

const timeIn = (micros: boolean, time: number): number => (micros ? time : Math.floor(time / 1000))

/** A row of `trades` and `historicalTrades`. The quote quantity is cut to 8 decimals, as the exchange does. */
export const tradeRow = (trade: SourceTrade, micros: boolean) => ({
  id: trade.id,
  price: decimalOfBigUnits(trade.price),
  qty: decimalOfBigUnits(trade.quantity),
  quoteQty: decimalOfBigUnits((trade.price * trade.quantity) / 100_000_000n),
  time: timeIn(micros, trade.time),
  isBuyerMaker: trade.buyerIsMaker,
  isBestMatch: true,
})

/** A row of `aggTrades`. */
export const aggregateRow = (aggregate: SourceAggregate, micros: boolean) => ({
  a: aggregate.id,
  p: decimalOfBigUnits(aggregate.price),
  q: decimalOfBigUnits(aggregate.quantity),
  f: aggregate.firstTradeId,
  l: aggregate.lastTradeId,
  T: timeIn(micros, aggregate.time),
  m: aggregate.buyerIsMaker,
  M: true,
})
