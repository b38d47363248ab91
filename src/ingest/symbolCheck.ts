import { Effect, Option, Schema } from "effect"
import { BinanceRest } from "../feed/binance/BinanceRest.ts"
import { TradeStore } from "../store/TradeStore.ts"

/** The exchange does not list these symbols, and there are no rows of them. */
export class UnknownSymbols extends Schema.TaggedError<UnknownSymbols>()("UnknownSymbols", {
  symbols: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const { symbols } = this
    return `Binance does not list ${symbols.join(", ")}: correct BINANCE_SYMBOLS.`
  }
}

/**
 * Asks the exchange which of the symbols exist: a subscription is acknowledged whether its stream exists or not. A symbol that is
 * listed no more, but has rows, is reported, and stays subscribed. Without an answer nothing is concluded.
 */
export const checkSymbols = Effect.fn("checkSymbols")(function* (symbols: ReadonlyArray<string>) {
  const rest = yield* Effect.serviceOption(BinanceRest)
  if (Option.isNone(rest)) {
    return yield* Effect.logWarning(
      "No REST host is known for BINANCE_WS_URL, so the symbols are not checked; set BINANCE_REST_URL.",
    )
  }
  yield* rest.value.listed(symbols).pipe(
    Effect.matchEffect({
      onFailure: (error) => Effect.logWarning(`The symbols could not be checked: ${error.message}`),
      onSuccess: Effect.fnUntraced(function* (listed) {
        const names = new Set(listed.map(({ symbol }) => symbol))
        const missing = symbols.filter((symbol) => !names.has(symbol))
        const stored = missing.length === 0 ? [] : yield* (yield* TradeStore).symbols
        const unknown = missing.filter((symbol) => !stored.includes(symbol))
        if (unknown.length > 0) return yield* new UnknownSymbols({ symbols: unknown })
        if (missing.length > 0)
          yield* Effect.logWarning(`Binance lists no more: ${missing.join(", ")}. Their rows stay.`)
        for (const { symbol, status } of listed) {
          if (status !== "TRADING") yield* Effect.logInfo(`${symbol} is not trading now (${status})`)
        }
      }),
    }),
  )
})
