import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import { watchGaps } from "../../src/ingest/watchGaps.ts"
import { type Frontier, GapLedger } from "../../src/store/GapLedger.ts"
import { StoreError } from "../../src/store/StoreError.ts"
import * as Gauges from "../../src/telemetry/Gauges.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { settle } from "../fixtures/elapse.ts"
import { inNewRegistry } from "../fixtures/inNewRegistry.ts"

const frontier = (fields: Partial<Frontier>): Frontier => ({
  symbol: "BTCUSDT",
  high: 100,
  highTime: 90_500,
  frontier: 100,
  frontierTime: 90_500,
  noticed: undefined,
  gaps: 0,
  filling: 0,
  missing: 0,
  unfillable: 0,
  ...fields,
})

const gauges: ReadonlyArray<Metric.Gauge<number>> = [
  Metrics.openGaps,
  Gauges.fillingGaps,
  Metrics.missingIds,
  Gauges.unfillableIds,
  Gauges.symbolLastId("BTCUSDT"),
  Gauges.symbolLastTrade("BTCUSDT"),
  Gauges.symbolLastId("ETHUSDT"),
]

const symbols = new Set(["BTCUSDT", "ETHUSDT"])

const shown = Effect.forEach(gauges, (gauge) => Effect.map(Metric.value(gauge), ({ value }) => value))

describe("watchGaps", () => {
  it.effect(
    "shows what the ledger says, before anything was committed too, and keeps it while the ledger is away",
    () =>
      Effect.gen(function* () {
        let answer: Effect.Effect<ReadonlyArray<Frontier>, StoreError> = Effect.succeed([
          frontier({ gaps: 2, filling: 1, missing: 30, unfillable: 4 }),
          frontier({ symbol: "ETHUSDT", high: 7, gaps: 1, missing: 5, unfillable: 1 }),
        ])
        const ledger = Layer.mock(GapLedger, { frontiers: Effect.suspend(() => answer) })
        yield* Effect.forkScoped(Effect.provide(watchGaps(symbols), ledger))
        yield* settle
        const seen = [3, 1, 35, 5, 100, 90.5, 7]
        assert.deepStrictEqual(yield* shown, seen)
        answer = Effect.fail(new StoreError({ code: undefined, detail: "away" }))
        yield* TestClock.adjust("6 seconds")
        assert.deepStrictEqual(yield* shown, seen)
        answer = Effect.succeed([frontier({ high: 99 })])
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* shown, [0, 0, 0, 0, 100, 90.5, 7])
      }).pipe(Effect.scoped, inNewRegistry),
  )

  it.effect("shows of a symbol that is received no more how complete it is, and no newest trade", () =>
    Effect.gen(function* () {
      const frontiers = Effect.succeed([
        frontier({}),
        frontier({ symbol: "LUNAUSDT", frontier: 60, gaps: 1, missing: 1 }),
      ])
      const ledger = Layer.mock(GapLedger, { frontiers })
      yield* Effect.forkScoped(Effect.provide(watchGaps(symbols), ledger))
      yield* settle
      const snapshot = yield* Metric.snapshot
      const shownOf = (id: string) =>
        snapshot.flatMap((metric) => (metric.id === id ? [metric.attributes?.["symbol"]] : []))
      assert.deepStrictEqual(shownOf("fulltape_symbol_last_id"), ["BTCUSDT"])
      assert.deepStrictEqual(shownOf("fulltape_symbol_last_trade_timestamp_seconds"), ["BTCUSDT"])
      assert.sameMembers(shownOf("fulltape_frontier_lag_ids"), ["BTCUSDT", "LUNAUSDT"])
      assert.strictEqual((yield* Metric.value(Metrics.frontierLagIds("LUNAUSDT"))).value, 40)
    }).pipe(Effect.scoped, inNewRegistry),
  )

  it.effect("has a frontier without a row be as old as the first hole that was noticed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(2_000_000)
      const hole = { frontier: 60, gaps: 1, missing: 1, frontierTime: undefined }
      let answer = [frontier({ ...hole, noticed: 100_000 })]
      const ledger = Layer.mock(GapLedger, { frontiers: Effect.sync(() => answer) })
      yield* Effect.forkScoped(Effect.provide(watchGaps(symbols), ledger))
      yield* settle
      const lag = Effect.map(Metric.value(Metrics.frontierLagSeconds("BTCUSDT")), ({ value }) => value)
      assert.strictEqual(yield* lag, 1_900)
      answer = [frontier({ ...hole, frontierTime: 50_000, noticed: 100_000 })]
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* lag, 1_955)
    }).pipe(Effect.scoped, inNewRegistry),
  )
})
