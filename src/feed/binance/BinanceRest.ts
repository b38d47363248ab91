import { Array, Context, Effect, Layer, Schema } from "effect"
import type { RestError } from "../RestError.ts"
import { BinanceHttp } from "./BinanceHttp.ts"

/** A symbol as the exchange lists it. `status` is an open set: TRADING, HALT, BREAK (no market data), … */
export interface ListedSymbol {
  readonly symbol: string
  readonly status: string
}

/** https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints#exchange-information */
const ExchangeInfo = Schema.Struct({
  symbols: Schema.Array(Schema.Struct({ symbol: Schema.String, status: Schema.String })),
  rateLimits: Schema.optional(
    Schema.Array(
      Schema.Struct({
        rateLimitType: Schema.String,
        interval: Schema.String,
        intervalNum: Schema.Int,
        limit: Schema.Int,
      }),
    ),
  ),
})

/** Names in one request; a longer URL may be refused. */
const NAMES_PER_REQUEST = 100

/** The REST host that serves the same market as the streams. */
export class BinanceRest extends Context.Service<
  BinanceRest,
  {
    /** Those of the symbols that the exchange lists. */
    listed(symbols: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<ListedSymbol>, RestError>
  }
>()("fulltape/feed/binance/BinanceRest") {
  /** Its requests are weighed together with those of everything else over the same `BinanceHttp`. */
  static readonly layerNoDeps = Layer.effect(
    BinanceRest,
    Effect.gen(function* () {
      const http = yield* BinanceHttp

      const exchangeInfo = Effect.fnUntraced(function* (query: Record<string, string>) {
        const { rateLimits, symbols } = yield* http.get({
          path: "/api/v3/exchangeInfo",
          query,
          weight: 20,
          answer: ExchangeInfo,
        })
        for (const { interval, intervalNum, limit, rateLimitType } of rateLimits ?? []) {
          if (rateLimitType === "REQUEST_WEIGHT" && interval === "MINUTE") http.weightLimit(limit / intervalNum)
        }
        return symbols
      })

      /** One unknown name makes the exchange refuse all of a request (-1121): halves then find it, and list the others. */
      const listedOf = (names: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<ListedSymbol>, RestError> => {
        const [only = ""] = names
        const query = names.length === 1 ? { symbol: only } : { symbols: JSON.stringify(names) }
        const asked = Effect.map(exchangeInfo(query), (all) => all.filter(({ symbol }) => names.includes(symbol)))
        return Effect.catchIf(
          asked,
          ({ status }) => status === 400 || status === 414,
          () => {
            if (names.length <= 1) return Effect.succeed([])
            const middle = names.length >> 1
            return Effect.zipWith(listedOf(names.slice(0, middle)), listedOf(names.slice(middle)), (a, b) => [
              ...a,
              ...b,
            ])
          },
        )
      }

      const listed = Effect.fn("BinanceRest.listed")(function* (symbols: ReadonlyArray<string>) {
        const answers = yield* Effect.forEach(Array.chunksOf(symbols, NAMES_PER_REQUEST), listedOf)
        return answers.flat()
      })
      return BinanceRest.of({ listed })
    }),
  )

  static readonly layer = (options: { readonly restUrl: URL }) =>
    BinanceRest.layerNoDeps.pipe(Layer.provide(BinanceHttp.layer(options)))
}
