import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { BinanceRest } from "../../../src/feed/binance/BinanceRest.ts"
import { httpServer } from "../../fixtures/servers.ts"

const listing = [
  { symbol: "BTCUSDT", status: "TRADING", baseAsset: "BTC" },
  { symbol: "OLDUSDT", status: "BREAK" },
  { symbol: "币安人生USDT", status: "TRADING" },
]

/** Asks a server that answers with `handle`, and tells what was asked. */
const asking = (symbols: ReadonlyArray<string>, handle: (url: URL, response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const restUrl = yield* httpServer((request: IncomingMessage, response) => {
      const url = new URL(request.url ?? "/", "http://server")
      asked.push(url.searchParams.get("symbols") ?? url.searchParams.get("symbol") ?? "all")
      handle(url, response)
    })
    const result = yield* Effect.result(
      Effect.provide(
        Effect.flatMap(BinanceRest, (rest) => rest.listed(symbols)),
        BinanceRest.layer({ restUrl }),
      ),
    )
    return { asked, result }
  }).pipe(Effect.scoped)

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))

describe("BinanceRest", () => {
  it.live("names only the symbols that it wants, non-ASCII ones too", () =>
    Effect.gen(function* () {
      const { asked, result } = yield* asking(["BTCUSDT", "币安人生USDT"], (_, response) =>
        json(response, 200, { symbols: listing }),
      )
      assert.deepStrictEqual(asked, ['["BTCUSDT","币安人生USDT"]'])
      assert.deepStrictEqual(result._tag === "Success" && result.success.map(({ symbol }) => symbol), [
        "BTCUSDT",
        "币安人生USDT",
      ])
    }),
  )

  for (const status of [200, 500]) {
    it.live(`does not read an answer of HTTP ${status} to an end that it does not have`, () =>
      Effect.gen(function* () {
        let sent = 0
        const chunk = Buffer.alloc(1024 * 1024, " ")
        const { result } = yield* asking(["BTCUSDT"], (_, response) => {
          response.writeHead(status, { "content-type": "application/json" })
          const more = () => {
            while (!response.destroyed && sent < 2_000) {
              sent += 1
              if (!response.write(chunk)) return
            }
            response.end()
          }
          response.on("drain", more)
          more()
        })
        assert.isAtMost(sent, 100)
        const failure = result._tag === "Failure" ? result.failure : undefined
        assert.strictEqual(failure?.status, status)
        if (status === 200) assert.include(failure?.message ?? "", "an answer of more than 16")
      }),
    )
  }

  it.live("finds the names that the exchange does not know, and lists the others", () =>
    Effect.gen(function* () {
      const { asked, result } = yield* asking(["BTCUSDT", "NOPE", "OLDUSDT"], (url, response) =>
        url.search.includes("NOPE")
          ? json(response, 400, { code: -1121, msg: "Invalid symbol." })
          : json(response, 200, { symbols: listing }),
      )
      assert.deepStrictEqual(asked, [
        '["BTCUSDT","NOPE","OLDUSDT"]',
        "BTCUSDT",
        '["NOPE","OLDUSDT"]',
        "NOPE",
        "OLDUSDT",
      ])
      assert.deepStrictEqual(result._tag === "Success" && result.success, [
        { symbol: "BTCUSDT", status: "TRADING" },
        { symbol: "OLDUSDT", status: "BREAK" },
      ])
    }),
  )

  it.live("asks for many names in several requests", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 250 }, (_, index) => `S${index}`)
      const { asked } = yield* asking(names, (_, response) => json(response, 200, { symbols: [] }))
      assert.strictEqual(asked.length, 3)
    }),
  )

  const failures: ReadonlyArray<readonly [string, number, unknown, string]> = [
    [
      "says what to set where the location is restricted",
      451,
      { code: 0, msg: "restricted" },
      "data-api.binance.vision",
    ],
    ["passes on what the exchange said", 418, { code: -1003, msg: "IP banned until 1791019853441" }, "IP banned"],
    ["knows an answer of another shape", 200, { hello: 1 }, "another shape"],
  ]
  for (const [name, status, body, text] of failures) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { result } = yield* asking(["BTCUSDT"], (_, response) => json(response, status, body))
        assert.include(result._tag === "Failure" ? result.failure.message : "", text)
      }),
    )
  }

  it.live("says why nobody answers", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(httpServer(() => undefined))
      const rest = BinanceRest.layer({ restUrl: closed })
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.flatMap(BinanceRest, (rest) => rest.listed(["BTCUSDT"])),
          rest,
        ),
      )
      assert.include(error.message, "ECONNREFUSED")
    }),
  )
})
