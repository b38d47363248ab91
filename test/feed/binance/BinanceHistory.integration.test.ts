import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Metric } from "effect"
import type { ServerResponse } from "node:http"
import * as BinanceHistory from "../../../src/feed/binance/BinanceHistory.ts"
import { TradeHistory } from "../../../src/feed/TradeHistory.ts"
import { Simulator, type SimulatorOptions } from "../../../src/simulator/Simulator.ts"
import { makeSyntheticMarket } from "../../../src/simulator/source/SyntheticMarket.ts"
import { decimalOfBigUnits } from "../../../src/simulator/source/units.ts"
import * as Gauges from "../../../src/telemetry/Gauges.ts"
import { restRequests } from "../../../src/telemetry/Metrics.ts"
import { httpServer } from "../../fixtures/servers.ts"

const START_ID = 6_000_000_000
const EPOCH = Date.now() - 600_000
const options: SimulatorOptions = { rate: 100, symbols: ["BTCUSDT"], epoch: EPOCH, startId: START_ID, seed: "history" }

/** The trades that the simulated exchange has, made without it. */
const source = makeSyntheticMarket({
  seed: "history",
  symbols: ["BTCUSDT"],
  rate: 100,
  epoch: EPOCH * 1000,
  startId: START_ID,
  count: undefined,
  atSubscribe: true,
})

const withExchange = <A, E>(
  use: (history: typeof TradeHistory.Service, simulator: typeof Simulator.Service) => Effect.Effect<A, E>,
  more: SimulatorOptions = {},
) =>
  Effect.gen(function* () {
    const simulator = yield* Effect.provide(Simulator, yield* Layer.build(Simulator.layer({ ...options, ...more })))
    const history = yield* Effect.provide(
      TradeHistory,
      yield* Layer.build(BinanceHistory.layer({ restUrl: new URL(simulator.restUrl) })),
    )
    return yield* use(history, simulator)
  }).pipe(Effect.scoped)

/** A host that answers as given. */
const answering = (handle: (url: URL, response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const restUrl = yield* httpServer((request, response) =>
      handle(new URL(request.url ?? "/", "http://exchange"), response),
    )
    return yield* Effect.provide(TradeHistory, yield* Layer.build(BinanceHistory.layer({ restUrl })))
  })

const row = (id: number, time = 1_791_019_853_440_977) => ({
  id,
  price: "84598.05000000",
  qty: "0.00481000",
  quoteQty: "406.91662050",
  time,
  isBuyerMaker: true,
  isBestMatch: true,
})
const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))

describe("BinanceHistory", () => {
  it.live("counts its requests by what came of them, and shows the weight that they cost", () =>
    Effect.gen(function* () {
      const history = yield* answering((url, response) => {
        const from = Number(url.searchParams.get("fromId"))
        response.setHeader("x-mbx-used-weight-1m", "125")
        if (from === 1) json(response, 200, [row(1)])
        else if (from === 2) json(response, 451, {})
        else if (from === 3) json(response, 200, [{ id: "3" }])
        else response.destroy()
      })
      for (const from of [1, 1, 2, 3, 4]) yield* Effect.exit(history.page("BTCUSDT", from))
      const counts = yield* Effect.forEach(
        [restRequests.ok, restRequests.Restricted, restRequests.Malformed, restRequests.Unreachable],
        (counter) => Effect.map(Metric.value(counter), ({ count }) => count),
      )
      assert.deepStrictEqual(counts, [2, 1, 1, 1])
      const { value: used } = yield* Metric.value(Gauges.restWeightUsed)
      assert.isAtLeast(used, 125)
      assert.deepStrictEqual(yield* Metric.value(Gauges.restWeightLimit), { value: 6_000 })
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.live("gives a thousand trades from an id on, to the last digit and microsecond", () =>
    withExchange((history) =>
      Effect.gen(function* () {
        const { limitation, trades } = yield* history.page("BTCUSDT", START_ID + 777)
        assert.strictEqual(limitation, undefined)
        assert.strictEqual(trades.length, 1000)
        for (const [index, trade] of trades.entries()) {
          const expected = source.symbols.get("BTCUSDT")?.trade(START_ID + 777 + index)
          if (expected === undefined) return assert.fail("the market has no such trade")
          assert.deepStrictEqual(
            [trade.symbol, trade.id, trade.price, trade.quantity, trade.side, trade.time],
            [
              "BTCUSDT",
              expected.id,
              decimalOfBigUnits(expected.price),
              decimalOfBigUnits(expected.quantity),
              expected.buyerIsMaker ? "SELL" : "BUY",
              expected.time,
            ],
          )
        }
        assert.isTrue(trades.some(({ time }) => time % 1000 !== 0))
      }),
    ),
  )

  it.live("starts at the floor for an id below it, is empty beyond the newest, and knows the newest", () =>
    withExchange((history) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* history.page("BTCUSDT", 5)).trades[0]?.id, START_ID)
        assert.deepStrictEqual((yield* history.page("BTCUSDT", START_ID + 10_000_000)).trades, [])
        const newest = yield* history.newest("BTCUSDT")
        assert.strictEqual(newest.length, 1000)
        assert.isAbove(newest.at(-1)?.id ?? 0, START_ID + 50_000)
      }),
    ),
  )

  it.live("tells apart why it gets no answer", () =>
    withExchange((history, simulator) =>
      Effect.gen(function* () {
        const reason = (symbol = "BTCUSDT") => Effect.map(Effect.flip(history.page(symbol, START_ID)), (_) => _.reason)
        assert.strictEqual(yield* reason("NOPE"), "UnknownSymbol")
        for (const [status, expected] of [
          [451, "Restricted"],
          [403, "Restricted"],
          [503, "Unavailable"],
          [418, "Limited"],
        ] as const) {
          yield* simulator.inject([{ kind: "rest", status, for: Duration.millis(150), retryAfter: 1 }])
          yield* Effect.sleep("20 millis")
          assert.strictEqual(yield* reason(), expected)
          yield* Effect.sleep("150 millis")
        }
      }),
    ),
  )

  it.live("waits as long as the exchange says after a refusal, and for every request", () =>
    withExchange((history, simulator) =>
      Effect.gen(function* () {
        yield* simulator.inject([{ kind: "rest", status: 429, for: Duration.millis(300), retryAfter: 1 }])
        yield* Effect.sleep("20 millis")
        assert.strictEqual((yield* Effect.flip(history.page("BTCUSDT", START_ID))).reason, "Limited")
        const startedAt = performance.now()
        yield* Effect.all([history.page("BTCUSDT", START_ID), history.newest("BTCUSDT")], { concurrency: 2 })
        assert.isAtLeast(performance.now() - startedAt, 990)
      }),
    ),
  )

  it.live("serves the newest trades of a host without historicalTrades, and says what the others need", () =>
    Effect.gen(function* () {
      const history = yield* answering((url, response) =>
        url.pathname === "/api/v3/trades"
          ? json(response, 200, [row(7), row(8, 1_791_019_853_440), row(9)])
          : response.writeHead(404, { "content-type": "text/html" }).end("<h2>404 Not found</h2>"),
      )
      const below = yield* history.page("BTCUSDT", 3)
      assert.deepStrictEqual(
        below.trades.map(({ id, time }) => [id, time]),
        [
          [7, 1_791_019_853_440_977],
          [8, 1_791_019_853_440_000],
          [9, 1_791_019_853_440_977],
        ],
      )
      assert.include(below.limitation ?? "", "BINANCE_REST_URL")
      assert.deepStrictEqual(
        (yield* history.page("BTCUSDT", 8)).trades.map(({ id }) => id),
        [8, 9],
      )
    }).pipe(Effect.scoped),
  )

  const wrong: ReadonlyArray<readonly [string, (response: ServerResponse) => void]> = [
    ["rows of another shape", (response) => json(response, 200, [{ id: 5 }])],
    ["an earlier id than asked", (response) => json(response, 200, [row(4), row(5)])],
    ["ids that go back", (response) => json(response, 200, [row(5), row(7), row(6)])],
    ["an id twice", (response) => json(response, 200, [row(5), row(5)])],
    ["a body that was cut", (response) => response.writeHead(200).end('[{"id":5,"pri')],
  ]
  for (const [name, answer] of wrong) {
    it.live(`refuses ${name}`, () =>
      Effect.gen(function* () {
        const history = yield* answering((_, response) => answer(response))
        assert.strictEqual((yield* Effect.flip(history.page("BTCUSDT", 5))).reason, "Malformed")
      }).pipe(Effect.scoped),
    )
  }

  it.live("gives up after 10 s without an answer", () =>
    Effect.gen(function* () {
      const history = yield* answering(() => undefined)
      const error = yield* Effect.flip(history.page("BTCUSDT", 5))
      assert.deepStrictEqual([error.reason, error.detail], ["Unreachable", "no answer for 10 s"])
    }).pipe(Effect.scoped),
  )
})
