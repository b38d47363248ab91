import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import * as Gauges from "../../src/telemetry/Gauges.ts"
import { latenciesOf } from "../../src/telemetry/Latencies.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { showNewest } from "../../src/telemetry/newestTrade.ts"
import { observe } from "../../src/telemetry/observe.ts"
import { inNewRegistry } from "../fixtures/inNewRegistry.ts"

describe("Latencies", () => {
  it.effect("are counted in the bucket up to whose boundary they reach, and in all above", () =>
    Effect.gen(function* () {
      const latencies = yield* latenciesOf(Metrics.wireToCommitSeconds)
      for (const seconds of [0.005, 0.006, 1, 1.5, 4_000]) latencies.record(seconds)
      const { buckets, count, max, min, sum } = yield* Metric.value(Metrics.wireToCommitSeconds)
      const upTo = new Map(buckets)
      assert.deepStrictEqual(
        [0.005, 0.01, 0.5, 1, 2.5, 3600].map((boundary) => upTo.get(boundary)),
        [1, 2, 2, 3, 4, 4],
      )
      assert.deepStrictEqual([count, min, max], [5, 0.005, 4_000])
      assert.closeTo(sum, 4_002.511, 1e-9)
    }).pipe(inNewRegistry),
  )

  it.effect("count as nothing where one clock is behind the other", () =>
    Effect.gen(function* () {
      const latencies = yield* latenciesOf(Metrics.exchangeToCommitSeconds)
      latencies.record(-3)
      latencies.record(Number.NaN)
      const { buckets, count, sum } = yield* Metric.value(Metrics.exchangeToCommitSeconds)
      assert.deepStrictEqual([buckets[0]?.[1], count, sum], [2, 2, 0])
    }).pipe(inNewRegistry),
  )
})

describe("showNewest", () => {
  it.effect("never shows an older trade, and the first whatever its id", () =>
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const shown = Effect.all([
        Effect.map(Metric.value(Gauges.symbolLastId("BTCUSDT")), ({ value }) => value),
        Effect.map(Metric.value(Gauges.symbolLastTrade("BTCUSDT")), ({ value }) => value),
      ])
      showNewest("BTCUSDT", 0, 5.5, context)
      assert.deepStrictEqual(yield* shown, [0, 5.5])
      showNewest("BTCUSDT", 7, 9.000001, context)
      showNewest("BTCUSDT", 7, 9, context)
      showNewest("BTCUSDT", 6, 8, context)
      showNewest("ETHUSDT", 90, 80, context)
      assert.deepStrictEqual(yield* shown, [7, 9.000001])
    }).pipe(inNewRegistry),
  )
})

describe("observe", () => {
  it.effect("has a gauge read when somebody looks, and only while the scope is open", () =>
    Effect.gen(function* () {
      let value = 1
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* observe(Gauges.heapUsed, () => value)
          value = 2
          assert.deepStrictEqual(yield* Metric.value(Gauges.heapUsed), { value: 2 })
        }),
      )
      assert.lengthOf(yield* Metric.snapshot, 0)
    }).pipe(inNewRegistry),
  )
})
