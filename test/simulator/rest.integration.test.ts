import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { consecutive, request } from "./TestClient.ts"

type Rows = ReadonlyArray<Record<string, unknown>>
const rows = (json: unknown): Rows => {
  assert(Array.isArray(json))
  return json
}

const api = (options: Parameters<typeof Simulator.layer>[0], test: (url: string) => Effect.Effect<void>) =>
  Effect.flatMap(Simulator, ({ restUrl }) => test(`${restUrl}/api/v3`)).pipe(Effect.provide(Simulator.layer(options)))

describe("REST", () => {
  it.live("answers with the documented weights, counted in both headers", () =>
    api({}, (url) =>
      Effect.gen(function* () {
        let expected = 0
        for (const [path, weight] of [
          ["ping", 1],
          ["time", 1],
          ["exchangeInfo", 20],
          ["trades?symbol=BTCUSDT", 25],
          ["historicalTrades?symbol=BTCUSDT", 25],
          ["aggTrades?symbol=BTCUSDT", 4],
          ["aggTrades?symbol=NOSUCH", 4],
        ] as const) {
          const { headers, status } = yield* request(`${url}/${path}`)
          expected += weight
          assert.strictEqual(status, path.includes("NOSUCH") ? 400 : 200, path)
          assert.strictEqual(headers.get("x-mbx-used-weight-1m"), String(expected), path)
          assert.strictEqual(headers.get("x-mbx-used-weight"), String(expected), path)
        }
        assert.strictEqual((yield* request(`${url}/ping`)).text, "{}")
      }),
    ),
  )

  it.live("pages through trades by id, inclusive, oldest first, and answers beyond the newest with nothing", () =>
    api({}, (url) =>
      Effect.gen(function* () {
        const newest = rows((yield* request(`${url}/trades?symbol=BTCUSDT`)).json)
        assert.strictEqual(newest.length, 500)
        const last = Number(newest.at(-1)?.["id"])
        assert.deepStrictEqual(
          newest.map(({ id }) => id),
          consecutive(last - 499, 500),
        )
        const from = last - 3_000_000
        const page = rows((yield* request(`${url}/historicalTrades?symbol=BTCUSDT&fromId=${from}&limit=5000`)).json)
        assert.deepStrictEqual(
          page.map(({ id }) => id),
          consecutive(from, 1_000),
        )
        assert.deepStrictEqual(
          rows((yield* request(`${url}/historicalTrades?symbol=BTCUSDT&fromId=${last + 1_000_000}`)).json),
          [],
        )
        const oldest = rows((yield* request(`${url}/historicalTrades?symbol=BTCUSDT&fromId=1&limit=1`)).json)
        assert.strictEqual(oldest[0]?.["id"], 6_733_597_948)
        for (const { price, qty, quoteQty } of page) {
          const exact = BigInt(String(price).replace(".", "")) * BigInt(String(qty).replace(".", ""))
          assert.strictEqual(BigInt(String(quoteQty).replace(".", "")), exact / 100_000_000n)
          assert.match(String(quoteQty), /^\d+\.\d{8}$/)
        }
      }),
    ),
  )

  it.live("answers times in ms, or in µs when the header asks", () =>
    api({}, (url) =>
      Effect.gen(function* () {
        const path = `${url}/historicalTrades?symbol=ETHUSDT&fromId=3200000000&limit=20`
        const inMillis = rows((yield* request(path)).json)
        const headers = { "X-MBX-TIME-UNIT": "MICROSECOND" }
        const inMicros = rows((yield* request(path, { headers })).json)
        assert.strictEqual(inMillis.length, 20)
        assert.deepStrictEqual(
          inMicros.map(({ time }) => Math.floor(Number(time) / 1000)),
          inMillis.map(({ time }) => time),
        )
        assert.match((yield* request(`${url}/time`, { headers })).text, /^\{"serverTime":\d{16}\}$/)
        assert.match((yield* request(`${url}/time`)).text, /^\{"serverTime":\d{13}\}$/)
      }),
    ),
  )

  it.live("finds aggregates by id and by time, both ends inclusive", () =>
    api({}, (url) =>
      Effect.gen(function* () {
        const path = `${url}/aggTrades?symbol=BTCUSDT`
        const newest = rows((yield* request(`${path}&limit=100`)).json)
        assert.strictEqual(newest.length, 100)
        newest.slice(1).forEach((row, index) => {
          assert.strictEqual(row["f"], Number(newest[index]?.["l"]) + 1)
          assert.strictEqual(row["a"], Number(newest[index]?.["a"]) + 1)
        })
        const start = newest[20]?.["T"]
        const end = newest[60]?.["T"]
        const between = newest.filter(({ T }) => Number(T) >= Number(start) && Number(T) <= Number(end))
        assert.deepStrictEqual(
          rows((yield* request(`${path}&startTime=${String(start)}&endTime=${String(end)}`)).json),
          between,
        )
        assert.deepStrictEqual(
          rows((yield* request(`${path}&endTime=${String(end)}&limit=3`)).json),
          newest.filter(({ T }) => Number(T) <= Number(end)).slice(-3),
        )
        assert.deepStrictEqual(
          rows((yield* request(`${path}&fromId=${String(newest[5]?.["a"])}&limit=4`)).json),
          newest.slice(5, 9),
        )
      }),
    ),
  )

  it.live("lists its symbols, those asked for, or none of them when one is unknown", () =>
    api({ symbols: ["BTCUSDT", "币安人生USDT", "ETHUSDT"] }, (url) =>
      Effect.gen(function* () {
        const symbols = (query: string) =>
          request(`${url}/exchangeInfo${query}`).pipe(
            Effect.map(({ json, text }) =>
              typeof json === "object" && json !== null && "symbols" in json
                ? rows(json.symbols).map(({ symbol }) => symbol)
                : text,
            ),
          )
        assert.deepStrictEqual(yield* symbols(""), ["BTCUSDT", "币安人生USDT", "ETHUSDT"])
        assert.deepStrictEqual(yield* symbols("?symbol=ETHUSDT"), ["ETHUSDT"])
        assert.deepStrictEqual(yield* symbols(`?symbols=${encodeURIComponent(`["BTCUSDT","币安人生USDT"]`)}`), [
          "BTCUSDT",
          "币安人生USDT",
        ])
        const invalid = `{"code":-1121,"msg":"Invalid symbol."}`
        assert.strictEqual(yield* symbols(`?symbols=["BTCUSDT","NOSUCH"]`), invalid)
        assert.strictEqual(yield* symbols("?symbol=NOSUCH"), invalid)
        const combination = `{"code":-1128,"msg":"Combination of optional parameters invalid."}`
        assert.strictEqual(yield* symbols(`?symbol=BTCUSDT&symbols=["BTCUSDT"]`), combination)
      }),
    ),
  )

  it.live.each([
    ["trades", `{"code":-1102,"msg":"Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."}`],
    ["trades?symbol=NOSUCH", `{"code":-1121,"msg":"Invalid symbol."}`],
    [
      "trades?symbol=btcusdt",
      `{"code":-1100,"msg":"Illegal characters found in parameter 'symbol'; legal range is '^[\\\\w\\\\-._&&[^a-z]]{1,50}$'."}`,
    ],
    [
      "trades?symbol=BTCUSDT&limit=ten",
      `{"code":-1100,"msg":"Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'."}`,
    ],
    ["historicalTrades?symbol=BTCUSDT&fromId=", `{"code":-1105,"msg":"Parameter 'fromId' was empty."}`],
    [
      "aggTrades?symbol=BTCUSDT&fromId=1&startTime=2",
      `{"code":-1128,"msg":"Combination of optional parameters invalid."}`,
    ],
  ] as const)("refuses %s", ([path, body]) =>
    api({}, (url) =>
      Effect.gen(function* () {
        const { status, text } = yield* request(`${url}/${path}`)
        assert.strictEqual(text, body)
        assert.strictEqual(status, 400)
      }),
    ),
  )

  it.live("answers 429 past the weight of a minute, with when to come back, and bans who goes on", () =>
    api({ limits: { weightPerMinute: 60 } }, (url) =>
      Effect.gen(function* () {
        const ask = request(`${url}/trades?symbol=BTCUSDT&limit=1`)
        const statuses: Array<number> = []
        let last = yield* ask
        for (let index = 0; index < 30 && last.status !== 418; index++) {
          statuses.push(last.status)
          last = yield* ask
        }
        assert.include(statuses, 200)
        assert.include(statuses, 429)
        assert.strictEqual(last.status, 418)
        assert.isAtLeast(Number(last.headers.get("retry-after")), 119)
        assert.match(last.text, /"code":-1003,"msg":"Way too much request weight used; IP banned until \d{13}\./)
      }),
    ),
  )
})
