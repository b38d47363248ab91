import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { Performance } from "../../src/telemetry/Performance.ts"
import { elapse } from "../fixtures/elapse.ts"

const inNewRegistry = Effect.provideService(Metric.MetricRegistry, new Map())

describe("Performance", () => {
  it.effect("is all zero, and no NaN, before anything happened", () =>
    Effect.gen(function* () {
      const snapshot = yield* (yield* Performance).snapshot
      assert.deepInclude(snapshot, {
        tradesPerSecond: 0,
        averageLatency: 0,
        batchProcessingTime: 0,
        queryTime: 0,
        messagesPerSecond: 0,
        errorCount: 0,
        reconnectionCount: 0,
        bufferSize: 0,
        totalTrades: 0,
        totalBatches: 0,
      })
      assert.isAbove(snapshot.memoryUsage, 10_000_000)
      assert.isAbove(snapshot.uptime, 0)
    }).pipe(Effect.provide(Performance.layer), inNewRegistry),
  )

  it.effect("averages over what happened, in the units it names", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* Performance
      yield* Metric.update(Metrics.uncommittedTrades, 13)
      yield* Metric.update(Metrics.spillTrades, 10)
      yield* Metric.update(Metrics.tradesStored, 100)
      yield* Metric.update(Metrics.tradesDuplicate, 5)
      yield* Metric.update(Metrics.tradesQuarantined, 2)
      yield* Metric.update(Metrics.batches, 2)
      yield* Metric.update(Metrics.batchSeconds, 0.01)
      yield* Metric.update(Metrics.batchSeconds, 0.03)
      yield* Metric.update(Metrics.insertSeconds, 0.004)
      yield* Metric.update(Metrics.wireToCommitSeconds, 0.05)
      yield* Metric.update(Metrics.wireToCommitSeconds, 0.15)
      yield* Metric.update(Metrics.databaseErrors, 1)
      yield* Metric.update(Metrics.frames.malformed, 3)
      yield* Metric.update(Metrics.reconnects.Closed, 2)
      yield* Metric.update(Metrics.reconnects.Silent, 1)
      const now = yield* snapshot
      assert.deepInclude(now, {
        averageLatency: 100,
        batchProcessingTime: 20,
        queryTime: 4,
        errorCount: 6,
        reconnectionCount: 3,
        bufferSize: 23,
        totalTrades: 100,
        totalBatches: 2,
      })
      assert.isAbove(now.tradesPerSecond, 0)
      assert.strictEqual((yield* Metric.value(Metrics.residentMemory)).value, now.memoryUsage)
    }).pipe(Effect.provide(Performance.layer), inNewRegistry),
  )

  it.effect("forgets what is older than 10 seconds", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* Performance
      yield* Metric.update(Metrics.batchSeconds, 1)
      yield* elapse("5 seconds", "1 second")
      assert.strictEqual((yield* snapshot).batchProcessingTime, 1000)
      yield* elapse("10 seconds", "1 second")
      assert.strictEqual((yield* snapshot).batchProcessingTime, 0)
    }).pipe(Effect.provide(Performance.layer), inNewRegistry),
  )
})
