import { Effect, Layer, type Scope } from "effect"
import { HttpEffect, HttpRouter, HttpServer, type HttpServerRequest } from "effect/http"
import { routes } from "../../src/api/Http.ts"
import type { Fakes } from "./Fakes.ts"

/** The API over the fakes, asked without a socket. Its clock is that of the test. */
export const inProcess = Effect.fnUntraced(function* (fakes: Fakes, ping?: Effect.Effect<void>) {
  const services = yield* Effect.context<never>()
  const app = yield* HttpRouter.toHttpEffect(
    routes({ version: "1.2.3" }).pipe(Layer.provide([fakes.layer(ping), HttpServer.layerServices])),
  )
  const handler = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(services)(app)
  return (path: string, init?: RequestInit) =>
    Effect.promise(() => handler(new Request(`http://localhost:3000${path}`, init)))
})

/** The body of a response, as JSON. */
export const json = (response: Response): Effect.Effect<unknown> => Effect.promise(() => response.json())

/** The body of a response. */
export const text = (response: Response): Effect.Effect<string> => Effect.promise(() => response.text())
