import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import * as BinanceHistory from "../../src/feed/binance/BinanceHistory.ts"
import { makeProbe } from "../../src/ingest/catchUp.ts"
import { GapRepair } from "../../src/ingest/GapRepair.ts"
import type { Trade } from "../../src/market/Trade.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { makeSyntheticMarket } from "../../src/simulator/source/SyntheticMarket.ts"
import { decimalOfBigUnits } from "../../src/simulator/source/units.ts"
import * as Database from "../../src/store/Database.ts"
import { EmbeddedPostgres } from "../../src/store/EmbeddedPostgres.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { tradeOf } from "../fixtures/trades.ts"

const FIRST = 6_000_000_000
const timeout = Duration.seconds(5)
const market = { seed: "repair", symbols: ["BTCUSDT"], rate: 100, startId: FIRST }

/** A market of the last ten minutes, as the exchange has it and as it can be made again without one. */
const setting = Effect.gen(function* () {
  const epoch = Date.now() - 600_000
  const trades = makeSyntheticMarket({ ...market, epoch: epoch * 1000, count: undefined, atSubscribe: true })
  const original = (id: number): Trade => {
    const trade = trades.symbols.get("BTCUSDT")?.trade(id)
    if (trade === undefined) throw new Error(`the market has no trade ${id}`)
    return tradeOf(id, {
      price: decimalOfBigUnits(trade.price),
      quantity: decimalOfBigUnits(trade.quantity),
      side: trade.buyerIsMaker ? "SELL" : "BUY",
      time: trade.time,
    })
  }
  const dataDir = yield* temporaryFolder
  const exchange = yield* Layer.build(Simulator.layer({ ...market, epoch }))
  const simulator = yield* Effect.provide(Simulator, exchange)
  const database = Layer.unwrap(
    Effect.map(EmbeddedPostgres, ({ url }) => Database.layer({ url, poolMax: 6, timeout, market: "test" })),
  ).pipe(Layer.provide(EmbeddedPostgres.layer({ dataDir })))
  const services = yield* Layer.build(
    GapRepair.layer.pipe(
      Layer.provideMerge(BinanceHistory.layer({ restUrl: new URL(simulator.restUrl) })),
      Layer.provideMerge(TradeStore.layer({ timeout, market: "test", mostMissing: 10_000_000 })),
      Layer.provideMerge(GapLedger.layer({ timeout })),
      Layer.provideMerge(database),
    ),
  )
  return { original, services, simulator }
})

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

/** Every id from FIRST to `last` is stored once with the values of the original. */
const assertStored = Effect.fnUntraced(function* (original: (id: number) => Trade, last: number) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ id: number; price: string; quantity: string; side: string; time: number }>`
    SELECT trade_id::float8 AS id, price::text, quantity::text, side, (extract(epoch FROM timestamp) * 1000000)::float8 AS time
    FROM raw_trades ORDER BY trade_id`
  assert.strictEqual(rows.length, last - FIRST + 1)
  rows.forEach((row, index) => {
    const { id, price, quantity, side, time } = original(FIRST + index)
    assert.deepStrictEqual(row, { id, price, quantity, side, time })
  })
})

const filled = Effect.flatMap(GapLedger, ({ frontiers }) => frontiers).pipe(
  Effect.repeat({
    until: (symbols) => symbols.every(({ gaps }) => gaps === 0),
    schedule: Schedule.spaced("50 millis"),
  }),
  Effect.timeout("20 seconds"),
)

describe("GapRepair with an exchange and a database", () => {
  it.live("fills 25,000 ids to the last digit while live trades are committed, some of them inside the gap", () =>
    Effect.gen(function* () {
      const { original, services } = yield* setting
      yield* Effect.gen(function* () {
        const { write } = yield* TradeStore
        const { run, wake } = yield* GapRepair
        const fiber = yield* Effect.forkChild(run)
        yield* write([original(FIRST)])
        assert.strictEqual((yield* write([original(FIRST + 25_001)])).opened, 1)
        yield* wake
        const live = Effect.forEach(range(0, 99), (n) => {
          const from = FIRST + 25_002 + n * 50
          const late = range(0, 4).map((k) => FIRST + 1 + ((n * 257 + k * 13) % 25_000))
          return Effect.delay(write([...range(from, from + 49), ...late].map(original)), "15 millis")
        })
        yield* Effect.all([live, filled], { concurrency: "unbounded" })
        yield* assertStored(original, FIRST + 25_001 + 5_000)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped),
  )

  it.live("gets through refusals of the exchange, and gives up what lies below its floor", () =>
    Effect.gen(function* () {
      const { original, services, simulator } = yield* setting
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        const { run, wake } = yield* GapRepair
        yield* write([tradeOf(FIRST - 3_000)])
        yield* write([original(FIRST + 2_000)])
        yield* simulator.inject([
          { kind: "rest", status: 429, retryAfter: 1, for: Duration.millis(1200) },
          { kind: "rest", status: 503, at: Duration.millis(1200), for: Duration.millis(1000) },
        ])
        yield* Effect.forkScoped(run)
        yield* wake
        yield* filled
        const [gone] = yield* sql`
          SELECT min(first_id)::float8 AS first, max(last_id)::float8 AS last, min(last_error) AS reason,
            sum(last_id - first_id + 1)::float8 AS ids
          FROM trade_gaps WHERE state = 'unfillable'`
        assert.deepInclude(gone, { first: FIRST - 2_999, last: FIRST - 1, ids: 2_999 })
        assert.include(String(gone?.["reason"]), `answers from ${FIRST} on`)
        const [count] = yield* sql`SELECT count(*)::int AS rows FROM raw_trades`
        assert.deepStrictEqual(count, { rows: 2_002 })
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped),
  )

  it.live("fills again what a killed owner held", () =>
    Effect.gen(function* () {
      const { original, services } = yield* setting
      yield* Effect.gen(function* () {
        const { write } = yield* TradeStore
        const { lease } = yield* GapLedger
        const { run } = yield* GapRepair
        yield* write([original(FIRST), original(FIRST + 2_000)])
        yield* Effect.sleep("600 millis")
        assert.strictEqual((yield* lease(10)).length, 1)
        yield* Effect.forkScoped(run)
        yield* filled
        yield* assertStored(original, FIRST + 2_000)
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped),
  )

  it.live("asks what a silent symbol traded, and stores it", () =>
    Effect.gen(function* () {
      const { original, services } = yield* setting
      yield* Effect.gen(function* () {
        const { write } = yield* TradeStore
        const probe = yield* makeProbe
        const { frontiers, high } = yield* GapLedger
        yield* write([original(FIRST)])
        const stored = yield* probe.persistently("BTCUSDT")
        assert.isAbove(stored, 50_000)
        assert.strictEqual(yield* high("BTCUSDT"), FIRST + stored)
        assert.deepInclude((yield* frontiers)[0], { gaps: 0, frontier: FIRST + stored })
        yield* assertStored(original, FIRST + stored)
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped),
  )
})
