import { Array, Context, Duration, Effect, Layer, Schema } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { RestError } from "../RestError.ts"

/** A symbol as the exchange lists it. `status` is an open set: TRADING, HALT, BREAK (no market data), … */
export interface ListedSymbol {
  readonly symbol: string
  readonly status: string
}

/** https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints#exchange-information */
const ExchangeInfo = Schema.Struct({
  symbols: Schema.Array(Schema.Struct({ symbol: Schema.String, status: Schema.String })),
})

const REQUEST_TIMEOUT = Duration.seconds(10)

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
  static readonly layer = (options: { readonly restUrl: URL }) =>
    Layer.effect(
      BinanceRest,
      Effect.gen(function* () {
        const { host } = options.restUrl
        const client = (yield* HttpClient.HttpClient).pipe(
          HttpClient.mapRequest(HttpClientRequest.prependUrl(options.restUrl.href.replace(/\/+$/, ""))),
        )
        const exchangeInfo = (query: Record<string, string>) =>
          client.get("/api/v3/exchangeInfo", { urlParams: query }).pipe(
            Effect.flatMap(HttpClientResponse.filterStatusOk),
            Effect.flatMap(HttpClientResponse.schemaBodyJson(ExchangeInfo)),
            Effect.map(({ symbols }) => symbols),
            Effect.catch((error) => Effect.flip(restError(host, error))),
            Effect.timeoutOrElse({
              duration: REQUEST_TIMEOUT,
              orElse: () => Effect.fail(new RestError({ host, status: undefined, detail: "no answer for 10 s" })),
            }),
          )

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
    ).pipe(Layer.provide(FetchHttpClient.layer))
}

const restError = Effect.fnUntraced(function* (
  host: string,
  error: HttpClientError.HttpClientError | Schema.SchemaError,
) {
  if (error._tag === "SchemaError") return new RestError({ host, status: 200, detail: "an answer of another shape" })
  const { response } = error
  if (response === undefined) return new RestError({ host, status: undefined, detail: innermost(error) })
  const body = yield* response.text.pipe(Effect.orElseSucceed(() => ""))
  return new RestError({ host, status: response.status, detail: body.slice(0, 300) })
})

/** `fetch failed` hides the reason in its causes. */
const innermost = (error: Error): string =>
  error.cause instanceof Error ? innermost(error.cause) : error.message !== "" ? error.message : error.name
