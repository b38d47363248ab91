import { decimalOfUnits } from "./units.ts"

const binary = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** The event of a trade, as Binance sends it; times in ms are the µs cut, not rounded. */
export interface TradeEvent {
  readonly eventTime: number
  readonly id: number
  readonly price: number
  readonly quantity: number
  readonly time: number
  readonly buyerIsMaker: boolean
}

/** Writes `trade` events of one symbol as binary strings (see Channel.event). */
export const tradeEventEncoder = (symbol: string) => {
  const afterTime = binary(`,"s":${JSON.stringify(symbol)},"t":`)
  return (event: TradeEvent, micros: boolean): string => {
    const eventTime = micros ? event.eventTime : Math.floor(event.eventTime / 1000)
    const time = micros ? event.time : Math.floor(event.time / 1000)
    return `{"e":"trade","E":${eventTime}${afterTime}${event.id},"p":"${decimalOfUnits(event.price)}","q":"${decimalOfUnits(
      event.quantity,
    )}","T":${time},"m":${event.buyerIsMaker},"M":true}`
  }
}

/** The same trades, those of one taker order at one instant and one price made into one. */
export interface AggregateEvent extends TradeEvent {
  readonly firstTradeId: number
  readonly lastTradeId: number
}

/** Writes `aggTrade` events of one symbol as binary strings (see Channel.event). */
export const aggregateEventEncoder = (symbol: string) => {
  const afterTime = binary(`,"s":${JSON.stringify(symbol)},"a":`)
  return (event: AggregateEvent, micros: boolean): string => {
    const eventTime = micros ? event.eventTime : Math.floor(event.eventTime / 1000)
    const time = micros ? event.time : Math.floor(event.time / 1000)
    return `{"e":"aggTrade","E":${eventTime}${afterTime}${event.id},"p":"${decimalOfUnits(event.price)}","q":"${decimalOfUnits(
      event.quantity,
    )}","f":${event.firstTradeId},"l":${event.lastTradeId},"T":${time},"m":${event.buyerIsMaker},"M":true}`
  }
}
