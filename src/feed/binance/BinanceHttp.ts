import { ByteSize, Context, Duration, Effect, Layer, Metric, Schema, Stream } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Gauges from "../../telemetry/Gauges.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import { observe } from "../../telemetry/observe.ts"
import { isUntrusted, untrusted } from "../certificate.ts"
import { RestError } from "../RestError.ts"
import { makeRequestWeight } from "./RequestWeight.ts"

const REQUEST_TIMEOUT = Duration.seconds(10)

/** Many times the longest answer that is asked for, 1,000 trades: what is longer is not read to its end. */
const MOST_ANSWER = ByteSize.mebibytes(16)

export interface BinanceRequest<A> {
  readonly path: string
  readonly query: Record<string, string>
  /** What the exchange charges for it. */
  readonly weight: number
  readonly answer: Schema.Decoder<A>
}

/** The requests of this process to one REST host: every one of them is weighed, and gives up after 10 s without an answer. */
export class BinanceHttp extends Context.Service<
  BinanceHttp,
  {
    readonly host: string
    get<A>(request: BinanceRequest<A>): Effect.Effect<A, RestError>
    /** The weight that the exchange allows in a minute. */
    weightLimit(weight: number): void
  }
>()("fulltape/feed/binance/BinanceHttp") {
  static readonly layer = (options: { readonly restUrl: URL }) =>
    Layer.effect(
      BinanceHttp,
      Effect.gen(function* () {
        const { host } = options.restUrl
        const weights = yield* makeRequestWeight
        yield* observe(Gauges.restWeightUsed, () => weights.used())
        yield* observe(Gauges.restWeightLimit, () => weights.allowed())
        const client = (yield* HttpClient.HttpClient).pipe(
          HttpClient.mapRequest(HttpClientRequest.prependUrl(options.restUrl.href.replace(/\/+$/, ""))),
          // Without it times are cut to milliseconds.
          HttpClient.mapRequest(HttpClientRequest.setHeader("X-MBX-TIME-UNIT", "MICROSECOND")),
        )
        const get = <A>({ answer, path, query, weight }: BinanceRequest<A>) =>
          client.get(path, { urlParams: query }).pipe(
            Effect.tap((response) => weights.answered(weight, response)),
            Effect.flatMap(HttpClientResponse.filterStatusOk),
            Effect.flatMap((response) =>
              Effect.flatMap(
                textOf(response, MOST_ANSWER, Stream.fail(tooLong(host, response.status))),
                decode(answer),
              ),
            ),
            Effect.catch((error) =>
              error._tag === "RestError" ? Effect.fail(error) : Effect.flip(restError(host, error)),
            ),
            Effect.timeoutOrElse({
              duration: REQUEST_TIMEOUT,
              orElse: () => Effect.fail(new RestError({ host, status: undefined, detail: "no answer for 10 s" })),
            }),
            Effect.tap(() => Metric.update(Metrics.restRequests.ok, 1)),
            Effect.tapError(({ reason }) => Metric.update(Metrics.restRequests[reason], 1)),
            (request) => weights.spending(weight, request),
            // What we trace is no business of the exchange.
            Effect.provideService(HttpClient.TracerPropagationEnabled, false),
          )
        return BinanceHttp.of({ host, get, weightLimit: weights.limit })
      }),
    ).pipe(Layer.provide(FetchHttpClient.layer))
}

type Body = Stream.Stream<Uint8Array, HttpClientError.HttpClientError | RestError>

const textOf = ({ stream }: { readonly stream: Body }, most: ByteSize.ByteSize, beyond: Body) =>
  stream.pipe(
    Stream.limitBytes(most, () => beyond),
    Stream.decodeText(),
    Stream.mkString,
  )

const decode = <A>(answer: Schema.Decoder<A>) => Schema.decodeUnknownEffect(Schema.fromJsonString(answer))

const tooLong = (host: string, status: number) =>
  new RestError({ host, status, detail: `an answer of more than ${ByteSize.format(MOST_ANSWER)}` })

const restError = Effect.fnUntraced(function* (
  host: string,
  error: HttpClientError.HttpClientError | Schema.SchemaError,
) {
  if (error._tag === "SchemaError") return new RestError({ host, status: 200, detail: "an answer of another shape" })
  const { response } = error
  if (response === undefined) return new RestError({ host, status: undefined, detail: innermost(error) })
  const body = yield* textOf(response, MOST_REFUSAL, Stream.empty).pipe(Effect.orElseSucceed(() => ""))
  // A body that was cut, or is no JSON.
  if (response.status < 300) return new RestError({ host, status: response.status, detail: innermost(error) })
  const code = Schema.decodeUnknownOption(Refusal)(body)
  return new RestError({
    host,
    status: response.status,
    code: code._tag === "Some" ? code.value.code : undefined,
    detail: body.slice(0, 300),
  })
})

/** Of an answer that is no success, its beginning is enough. */
const MOST_REFUSAL = ByteSize.kibibytes(64)

const Refusal = Schema.fromJsonString(Schema.Struct({ code: Schema.Int }))

/** `fetch failed` hides the reason in its causes. */
const innermost = (error: Error): string => {
  if (error.cause instanceof Error) return innermost(error.cause)
  const detail = error.message !== "" ? error.message : error.name
  return "code" in error && isUntrusted(String(error.code)) ? untrusted(detail) : detail
}
