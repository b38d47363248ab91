import { Effect, Layer, type Scope } from "effect"
import { HttpEffect, HttpRouter, HttpServer, type HttpServerRequest } from "effect/http"
import type { Checks } from "../../src/api/Checks.ts"
import { routes } from "../../src/api/Http.ts"
import type { Performance } from "../../src/telemetry/Performance.ts"
import type { Fakes } from "./Fakes.ts"

/** The API over the fakes, asked without a socket. Its clock is that of the test. */
export const inProcess = (fakes: Fakes, ping?: Effect.Effect<void>) => answering(fakes.layer(ping))

/** The API over what its answers are made of. */
export const answering = Effect.fnUntraced(function* (parts: Layer.Layer<Checks | Performance>) {
  const services = yield* Effect.context<never>()
  const app = yield* HttpRouter.toHttpEffect(
    routes({ version: "1.2.3" }).pipe(Layer.provide([parts, HttpServer.layerServices])),
  )
  const handler = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(services)(app)
  return (path: string, init?: RequestInit) =>
    Effect.promise(() => handler(new Request(`http://localhost:3000${path}`, init)))
})

/** The body of a response, as JSON. */
export const json = (response: Response): Effect.Effect<unknown> => Effect.promise(() => response.json())

/** The body of a response. */
export const text = (response: Response): Effect.Effect<string> => Effect.promise(() => response.text())
