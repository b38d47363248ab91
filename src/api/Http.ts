import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, flow, Layer, Predicate } from "effect"
import { HttpBody, HttpMiddleware, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiSwagger, OpenApi } from "effect/http-api"
import { createServer } from "node:http"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { acceptable } from "./acceptable.ts"
import { Api } from "./Api.ts"
import * as Directory from "./Directory.ts"
import * as HealthHandlers from "./HealthHandlers.ts"
import { limitConnections } from "./limitConnections.ts"
import * as MetricsHandlers from "./MetricsHandlers.ts"
import { PortUnavailable } from "./PortUnavailable.ts"

/** Requests that are being answered get this long when the service stops; whoever is connected then is cut off. */
const SHUTDOWN_TIMEOUT = "2 seconds"

/** Many more than the probes and scrapers of a service are, and far below the 1,024 files that a process may open where that is few. */
const MOST_CONNECTIONS = 500

/** What a request may take, in bytes and in milliseconds: its head is all that there is of it. */
const REQUEST_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 5_000,
}

/** Of a connection on which nothing moves: longer than an answer takes that waits for the database, unlike one that nobody reads. */
const STILL_MILLIS = 60_000

export interface HttpOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly service?: string
  readonly version?: string
}

/** Everything that is answered, without a server. */
export const routes = ({ host, service = "fulltape", version = "unknown" }: Partial<HttpOptions> = {}) => {
  const api = Api.annotate(OpenApi.Version, version)
  return Layer.mergeAll(
    HttpApiBuilder.layer(api, { openapiPath: Directory.paths.openapi }),
    // Swagger's page, not Scalar's: it is the smaller one and loads neither fonts nor scripts from elsewhere.
    HttpApiSwagger.layer(api, { path: Directory.paths.docs }),
    Directory.layer({ service, version }),
    HttpRouter.middleware(
      flow(acceptable(host), Effect.map(flow(asBytes, HttpServerResponse.setHeaders(securityHeaders)))),
      {
        global: true,
      },
    ),
  ).pipe(Layer.provide([HealthHandlers.layer({ service, version }), MetricsHandlers.layer({ version })]))
}

/** A large text is encoded once, and one copy of it serves all who are sent it: a text would be encoded and copied for each. */
const asBytes = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  return body._tag === "Uint8Array" && body.contentLength > 64 * 1024
    ? HttpServerResponse.setBody(response, HttpBody.uint8Array(body.body, body.contentType))
    : response
}

/** Answers over HTTP, and logs where. Fails with one sentence where the port is not to be had. */
export const layer = (options: HttpOptions) =>
  Layer.unwrap(
    Effect.gen(function* () {
      // Before the port is open: a request that comes before its handlers would never be answered.
      const answer = yield* HttpRouter.toHttpEffect(Layer.provide(routes(options), NodeHttpServer.layerHttpServices))
      return Layer.effectDiscard(HttpServer.addressFormattedWith(logAddress)).pipe(
        Layer.provideMerge(HttpServer.serve(untracedProbes(answer))),
        Layer.provideMerge(server(options)),
      )
    }),
  ).pipe(Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, isProbe)))

const server = ({ host, port }: HttpOptions) =>
  Layer.effect(
    HttpServer.HttpServer,
    Effect.gen(function* () {
      const node = createServer(REQUEST_LIMITS).setTimeout(STILL_MILLIS)
      limitConnections(node, MOST_CONNECTIONS)
      const every10Seconds = yield* makeRateLimited("10 seconds")
      const runFork = Effect.runForkWith(yield* Effect.context<never>())
      // Without a listener, an error of a later accept (no file descriptor left) would end the process.
      node.on("error", (error) => {
        if (!node.listening) return
        runFork(
          every10Seconds(Effect.logWarning(`A connection could not be accepted, others are served: ${error.message}`)),
        )
      })
      const server = yield* NodeHttpServer.make(() => node, { host, port, gracefulShutdownTimeout: SHUTDOWN_TIMEOUT })
      yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
      return server
    }).pipe(Effect.mapError(({ cause }) => new PortUnavailable({ host, port, code: codeOf(cause) }))),
  )

const codeOf = (cause: unknown): string =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : String(cause)

const logAddress = (address: string) => Effect.logInfo(`Listening on ${address} (/health, /metrics, /docs)`)

/** Probes come every few seconds for ever: as traces they would bury the others. */
const isProbe = ({ url }: { readonly url: string }): boolean => /^\/(health|metrics)/.test(url)

/** Leaves out what a probe asks of the database too. */
const untracedProbes = <A, E, R>(answer: Effect.Effect<A, E, R>) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    isProbe(request) ? Effect.withTracerEnabled(answer, false) : answer,
  )

/** The page of the API brings all that it needs; nothing else is a page at all. */
const securityHeaders = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self' 'unsafe-inline' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
}
