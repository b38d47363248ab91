import { type Listing } from "./Listing.ts"
import { type Channel, type SourceAggregate, type SymbolTrades } from "./MarketSource.ts"
import { makeOrders } from "./Orders.ts"
import { aggregateEventEncoder, tradeEventEncoder } from "./tradeEvent.ts"

export interface SyntheticSymbolOptions {
  readonly seed: string
  readonly listing: Listing
  /** Of this symbol alone. */
  readonly tradesPerSecond: number
  /** µs since the epoch of the first trade. */
  readonly epoch: number
  readonly startId: number
  /** Trades of this run, counted from `start`; undefined: no end. */
  readonly count: number | undefined
}

/** One symbol of the simulated market: its trades by id, and its two streams. */
export interface SyntheticSymbol {
  readonly trades: SymbolTrades
  readonly tradeChannel: Channel
  readonly aggregateChannel: Channel
  /** From here on the run's trades are counted; the first call decides. */
  readonly start: (now: number) => void
}

const exact = <A extends { readonly price: number; readonly quantity: number }>(values: A) => ({
  ...values,
  price: BigInt(values.price),
  quantity: BigInt(values.quantity),
})

/** Everything but where the run ends is a pure function of the options and of the clock. */
export const makeSyntheticSymbol = (options: SyntheticSymbolOptions): SyntheticSymbol => {
  const { count, listing, startId } = options
  const orders = makeOrders(options.seed, listing, options.epoch, options.tradesPerSecond)
  const { times } = orders
  const encodeTrade = tradeEventEncoder(listing.symbol)
  const encodeAggregate = aggregateEventEncoder(listing.symbol)
  /** Aggregate ids run at about 0.6 of the trade ids on the exchange. */
  const startAggregateId = Math.floor(startId * 0.6)
  const stream = listing.symbol.toLowerCase()

  let last = Number.POSITIVE_INFINITY
  const byClock = (now: number): number => startId + orders.firstTrade(times.newest(now) + 1) - 1
  const newest = (now: number): number => Math.min(last, byClock(now))
  const start = (now: number): void => {
    if (count !== undefined && last === Number.POSITIVE_INFINITY) {
      last = byClock(now) + count
    }
  }

  const tradeValues = (trade: number, order: number) => ({
    id: startId + trade,
    price: orders.price(order),
    quantity: orders.quantity(trade),
    time: times.matchedAt(order),
    buyerIsMaker: orders.buyerIsMaker(order),
  })

  const aggregateValues = (order: number) => {
    const first = orders.firstTrade(order)
    const end = orders.firstTrade(order + 1)
    let quantity = 0
    for (let trade = first; trade < end; trade++) {
      quantity += orders.quantity(trade)
    }
    return {
      ...tradeValues(first, order),
      id: startAggregateId + order,
      quantity,
      firstTradeId: startId + first,
      lastTradeId: startId + end - 1,
    }
  }

  const aggregate = (id: number): SourceAggregate | undefined =>
    id < startAggregateId ? undefined : exact(aggregateValues(id - startAggregateId))

  return {
    start,
    trades: {
      listing,
      oldest: () => startId,
      newest: (now) => {
        const id = newest(now)
        return id < startId ? undefined : id
      },
      trade: (id) => {
        const trade = id - startId
        return trade < 0 ? undefined : exact(tradeValues(trade, orders.orderOf(trade)))
      },
      firstAt: (time) => startId + orders.firstTrade(times.firstAt(time)),
      aggregateOf: (id) => aggregate(startAggregateId + orders.orderOf(Math.max(0, id - startId))),
      aggregate,
    },
    tradeChannel: {
      stream: `${stream}@trade`,
      symbol: listing.symbol,
      start,
      newest,
      event: (id, micros) => {
        const trade = id - startId
        const order = orders.orderOf(trade)
        const values = tradeValues(trade, order)
        return encodeTrade({ ...values, eventTime: times.publishedAt(order) }, micros)
      },
      tradeId: (id) => id,
    },
    aggregateChannel: {
      stream: `${stream}@aggTrade`,
      symbol: undefined,
      start,
      newest: (now) => startAggregateId + orders.orderOf(newest(now) + 1 - startId) - 1,
      event: (id, micros) => {
        const order = id - startAggregateId
        return encodeAggregate({ ...aggregateValues(order), eventTime: times.publishedAt(order) }, micros)
      },
      tradeId: (id) => id,
    },
  }
}
