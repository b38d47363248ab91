import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { OpenApi } from "effect/http-api"
import { Api } from "./Api.ts"
import type { Identity } from "./HealthHandlers.ts"

/** Where the description of the API is, and the page made from it. */
export const paths = { openapi: "/openapi.json", docs: "/docs" } as const

const endpoints: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(OpenApi.fromApi(Api).paths).map(([path, { get }]) => [path, get?.summary ?? path]),
  ),
  [paths.docs]: "What can be asked, as a page",
  [paths.openapi]: "What can be asked, as an OpenAPI document",
}

/** Lists what there is at `/`, and says so wherever there is nothing. */
export const layer = (identity: Identity) =>
  Layer.mergeAll(
    HttpRouter.add("GET", "/", HttpServerResponse.jsonUnsafe({ ...identity, endpoints })),
    HttpRouter.add("GET", "*", notFound),
    ...(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] as const).map((method) =>
      HttpRouter.add(method, "*", onlyGet),
    ),
  )

const notFound = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => {
  const message = `There is nothing at ${pathOf(url)}: GET / lists what there is.`
  return HttpServerResponse.jsonUnsafe({ error: "Not Found", message, endpoints }, { status: 404 })
})

const onlyGet = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
  if (pathOf(url) !== "/" && endpoints[pathOf(url)] === undefined) return notFound
  const message = `${pathOf(url)} is only to be read: use GET, not ${method}.`
  const headers = { allow: "GET, HEAD" }
  return Effect.succeed(
    HttpServerResponse.jsonUnsafe({ error: "Method Not Allowed", message }, { status: 405, headers }),
  )
})

const pathOf = (url: string): string => url.replace(/[?#].*$/s, "").replace(/(?<=.)\/$/, "")
