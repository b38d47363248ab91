import { Effect, Layer, Schema } from "effect"
import type { Trade } from "../../market/Trade.ts"
import { RestError } from "../RestError.ts"
import { type HistoryPage, PAGE, TradeHistory } from "../TradeHistory.ts"
import { BinanceHttp } from "./BinanceHttp.ts"
import { microseconds } from "./microseconds.ts"

/**
 * A row of `trades` and `historicalTrades`,
 * https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#old-trade-lookup:
 *
 * `{"id":6733597950,"price":"84598.05000000","qty":"0.00481000","quoteQty":"406.91662050","time":1791019853440977,"isBuyerMaker":true,"isBestMatch":true}`
 */
const Rows = Schema.Array(
  Schema.Struct({
    id: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
    price: Schema.String,
    qty: Schema.String,
    time: Schema.Int.check(Schema.isGreaterThan(0)),
    isBuyerMaker: Schema.Boolean,
  }),
)

const WEIGHT = 25

/** The host for market data alone lists `trades`, and no `historicalTrades`. */
const NEWEST_ONLY = "data-api.binance.vision"

/** The past of a market over its REST host, as far back as that host goes. */
export const layerNoDeps = Layer.effect(
  TradeHistory,
  Effect.gen(function* () {
    const http = yield* BinanceHttp
    const { host } = http

    const ask = Effect.fnUntraced(function* (endpoint: string, symbol: string, query: Record<string, string>) {
      const path = `/api/v3/${endpoint}`
      const rows = yield* http.get({
        path,
        query: { symbol, ...query, limit: String(PAGE) },
        weight: WEIGHT,
        answer: Rows,
      })
      let previous = -1
      const receivedAt = performance.now()
      const trades: Array<Trade> = []
      for (const { id, isBuyerMaker, price, qty, time } of rows) {
        if (id <= previous) return yield* new RestError({ host, status: 200, detail: "trades out of order" })
        previous = id
        trades.push({
          symbol,
          id,
          price,
          quantity: qty,
          side: isBuyerMaker ? "SELL" : "BUY",
          time: microseconds(time),
          buyerOrderId: null,
          sellerOrderId: null,
          receivedAt,
        })
      }
      return trades
    })

    const newest = Effect.fn("TradeHistory.newest")((symbol: string) => ask("trades", symbol, {}))

    const historical = Effect.fnUntraced(function* (symbol: string, fromId: number) {
      const trades = yield* ask("historicalTrades", symbol, { fromId: String(fromId) })
      if (trades[0] !== undefined && trades[0].id < fromId)
        return yield* new RestError({ host, status: 200, detail: `trades from id ${trades[0].id}, not from ${fromId}` })
      return { trades, limitation: undefined }
    })

    const amongTheNewest = Effect.fnUntraced(function* (symbol: string, fromId: number) {
      const trades = (yield* newest(symbol)).filter(({ id }) => id >= fromId)
      return {
        trades,
        limitation: `${host} serves the newest ${PAGE} trades only: set BINANCE_REST_URL=https://api.binance.com to get older ones.`,
      }
    })

    const page = Effect.fn("TradeHistory.page")(
      (symbol: string, fromId: number): Effect.Effect<HistoryPage, RestError> =>
        host === NEWEST_ONLY
          ? amongTheNewest(symbol, fromId)
          : historical(symbol, fromId).pipe(
              Effect.catchIf(
                ({ reason }) => reason === "NoSuchEndpoint",
                () => amongTheNewest(symbol, fromId),
              ),
            ),
    )
    return TradeHistory.of({ page, newest })
  }),
)

export const layer = (options: { readonly restUrl: URL }) => layerNoDeps.pipe(Layer.provide(BinanceHttp.layer(options)))
