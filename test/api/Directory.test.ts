import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Fakes } from "./Fakes.ts"
import { inProcess, json, text } from "./inProcess.ts"

const endpoints = ["/health", "/health/db", "/health/binance", "/health/live", "/health/ready", "/metrics"]

describe("the rest of the API", () => {
  it.effect("lists what there is", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      const response = yield* ask("/")
      assert.strictEqual(response.status, 200)
      const body = yield* json(response)
      assert.deepInclude(body, { service: "fulltape", version: "1.2.3" })
      assert.nestedProperty(body, "endpoints./health/binance")
    }),
  )

  it.effect("answers an unknown path with where to look", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      for (const method of ["GET", "POST"]) {
        const response = yield* ask("/healthy?deep=1", { method })
        assert.strictEqual(response.status, 404)
        assert.deepInclude(yield* json(response), {
          message: "There is nothing at /healthy: GET / lists what there is.",
        })
      }
    }),
  )

  it.effect("is only to be read", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      for (const path of ["/", ...endpoints, "/docs", "/openapi.json"]) {
        for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
          const response = yield* ask(path, { method })
          assert.strictEqual(response.status, 405, `${method} ${path}`)
          assert.strictEqual(response.headers.get("allow"), "GET, HEAD")
        }
        assert.strictEqual((yield* ask(path, { method: "HEAD" })).status, 200, `HEAD ${path}`)
      }
    }),
  )

  it.effect("describes itself, with both answers of each health check", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      const document = yield* json(yield* ask("/openapi.json"))
      assert.nestedPropertyVal(document, "info.version", "1.2.3")
      for (const path of endpoints) assert.nestedProperty(document, `paths.${path}.get.responses.200`)
      for (const path of endpoints.slice(0, -1)) assert.nestedProperty(document, `paths.${path}.get.responses.503`)
    }),
  )

  it.effect("serves a page that loads nothing from elsewhere, and headers that see to it", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      const response = yield* ask("/docs")
      assert.strictEqual(response.headers.get("content-type"), "text/html")
      const page = yield* text(response)
      assert.include(page, "<title>Fulltape Documentation</title>")
      assert.include(page, "/health/binance")
      assert.notMatch(page, /<(?:script|link|img)[^>]+(?:src|href)="?(?:https?:)?\/\//)
      for (const path of ["/docs", "/health", "/nothing"]) {
        const { headers } = yield* ask(path)
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff", path)
        assert.include(headers.get("content-security-policy"), "default-src 'self' 'unsafe-inline' data:")
      }
    }),
  )
})
