import { Duration, Effect, Layer, Redacted } from "effect"
import { type ExchangeProcess } from "../../test/fixtures/service/ExchangeProcess.ts"
import { marketOf } from "../../src/market/Market.ts"
import { connected } from "../../src/store/Database.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { symbols } from "./Contender.ts"

/** The id with which every symbol of the market begins. */
export const FIRST_ID = 1

/** Trades of each symbol that are stored. */
export const STORED = 10

const timeout = Duration.seconds(10)

/**
 * Stores the very first trades of every symbol, as Fulltape does it, and nothing else: as if it had been stopped then, and the market had
 * gone on since.
 */
export const farBehind = Effect.fnUntraced(function* (databaseUrl: string, exchange: ExchangeProcess) {
  const first = yield* Effect.forEach(symbols, (symbol) =>
    Effect.map(exchange.trades(symbol, FIRST_ID, FIRST_ID + STORED - 1), (trades) =>
      trades.map(({ id, isBuyerMaker, price, qty, time }) => ({
        symbol,
        id,
        price,
        quantity: qty,
        side: isBuyerMaker ? ("SELL" as const) : ("BUY" as const),
        time,
        buyerOrderId: null,
        sellerOrderId: null,
        receivedAt: 0,
      })),
    ),
  )
  yield* Effect.flatMap(TradeStore, (store) => store.write(first.flat())).pipe(
    Effect.provide(
      TradeStore.layer({ timeout, market: marketOf(new URL(exchange.wsUrl)), mostMissing: 1 }).pipe(
        Layer.provide(connected({ url: Redacted.make(databaseUrl), poolMax: 1, timeout })),
      ),
    ),
    Effect.orDie,
  )
})
