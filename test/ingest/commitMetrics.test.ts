import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Queue } from "effect"
import { TestClock } from "effect/testing"
import * as Gauges from "../../src/telemetry/Gauges.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { elapse } from "../fixtures/elapse.ts"
import { inNewRegistry } from "../fixtures/inNewRegistry.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { pipeline } from "./pipeline.ts"

/** ms since the epoch. */
const NOW = 1_791_019_860_000

const valueOf = (gauge: Metric.Gauge<number>) => Effect.map(Metric.value(gauge), ({ value }) => value)

describe("A commit", () => {
  it.effect("tells its size, how old each trade is by the exchange's time, and which is the newest of its symbol", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(NOW)
      const { input, run } = yield* pipeline({ symbols: ["BTCUSDT", "ETHUSDT"] })
      const fiber = yield* Effect.forkChild(run)
      const at = (id: number, secondsAgo: number, symbol = "BTCUSDT") =>
        tradeOf(id, { symbol, time: (NOW - secondsAgo * 1_000) * 1_000 })
      yield* Queue.offerAll(input, [at(8, 2), at(7, 20), at(40, 0.4, "ETHUSDT")])
      yield* elapse("1 second")
      // Of a clock that is ahead of ours.
      yield* Queue.offer(input, at(41, -90, "ETHUSDT"))
      yield* elapse("1 second")
      // As one from the disk, where it waited since before the settings were changed.
      yield* Queue.offer(input, at(5, 3, "LUNAUSDT"))
      yield* elapse("1 second")
      yield* Fiber.interrupt(fiber)

      const sizes = yield* Metric.value(Metrics.batchTrades)
      assert.deepStrictEqual([sizes.count, sizes.sum], [3, 5])
      const ages = yield* Metric.value(Metrics.exchangeToCommitSeconds)
      assert.strictEqual(ages.count, 5)
      assert.closeTo(ages.sum, 3 + 21 + 1.4 + 0 + 6, 0.3)
      assert.strictEqual((yield* Metric.value(Metrics.wireToCommitSeconds)).count, 5)
      assert.strictEqual(yield* valueOf(Gauges.symbolLastId("BTCUSDT")), 8)
      assert.strictEqual(yield* valueOf(Gauges.symbolLastTrade("BTCUSDT")), NOW / 1_000 - 2)
      assert.strictEqual(yield* valueOf(Gauges.symbolLastId("ETHUSDT")), 41)
      assert.strictEqual(yield* valueOf(Gauges.symbolLastTrade("LUNAUSDT")), 0)
    }).pipe(inNewRegistry),
  )
})
