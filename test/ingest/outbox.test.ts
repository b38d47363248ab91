import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Queue, Ref } from "effect"
import { StoreError } from "../../src/store/StoreError.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { elapse } from "../fixtures/elapse.ts"
import { pipeline, trades } from "./pipeline.ts"

const away = Effect.fail(new StoreError({ code: "57P01", detail: "terminating connection" }))

describe("The outbox of Ingest", () => {
  it.effect("asks an absent database again until it is back, and loses nothing meanwhile", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline()
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 1_000))
      yield* elapse("2 minutes", "1 second")
      assert.deepStrictEqual(yield* batches, [])
      yield* Ref.set(answer, () => Effect.void)
      yield* elapse("7 seconds")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 1_000).map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("puts the open batch on disk when the database stays away while it is asked to stop", () =>
    Effect.gen(function* () {
      const { answer, input, run, spill } = yield* pipeline()
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 10))
      yield* elapse("500 millis")
      assert.deepStrictEqual(spill.batches, [])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        spill.batches.flat().map(({ id }) => id),
        trades(0, 10).map(({ id }) => id),
      )
    }),
  )

  it.effect("commits in the order of arrival: while anything is on disk, what comes goes there", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run, spill } = yield* pipeline()
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 300))
      yield* elapse("2 seconds")
      assert.strictEqual(spill.batches.length, 3)
      // The database is back, and takes its time for what has been waiting longest.
      yield* Ref.set(answer, (ids) => (ids[0] === 0 ? Effect.sleep("4 seconds") : Effect.void))
      yield* elapse("3 seconds", "100 millis")
      yield* Queue.offerAll(input, trades(300, 100))
      yield* elapse("8 seconds", "100 millis")
      yield* Queue.offerAll(input, trades(400, 100))
      yield* elapse("2 seconds")
      assert.deepStrictEqual(spill.batches, [])
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 500).map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("drops the newest batch when the disk is full, and goes on", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline({ mostSpilled: 2 })
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 400))
      yield* elapse("1 second")
      assert.strictEqual((yield* Metric.value(Metrics.tradesDropped)).count, 200)
      yield* Ref.set(answer, () => Effect.void)
      yield* elapse("10 seconds")
      yield* Queue.offerAll(input, trades(400, 100))
      yield* elapse("1 second")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        [...trades(0, 200), ...trades(400, 100)].map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.effect("puts batches on disk that waited for a slow database", () =>
    Effect.gen(function* () {
      const { batches, input, run } = yield* pipeline()
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(
        input,
        trades(0, 100).map((one) => ({ ...one, receivedAt: performance.now() - 2_500 })),
      )
      yield* elapse("1 second")
      assert.strictEqual((yield* Metric.value(Metrics.tradesSpilled)).count, 100)
      assert.strictEqual((yield* batches).flat().length, 100)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.effect("without catch-up commits first what an earlier run left on disk", () =>
    Effect.gen(function* () {
      const { batches, run, spill, world } = yield* pipeline({ catchUp: false })
      spill.batches.push(trades(0, 10))
      const fiber = yield* Effect.forkChild(run)
      yield* elapse("100 millis")
      assert.strictEqual((yield* batches).flat().length, 10)
      assert.deepStrictEqual(world.begun, ["0 batches on disk"])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("does not let a commit that hangs hold the stream up", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run, spill } = yield* pipeline()
      yield* Ref.set(answer, (ids) => (ids[0] === 0 ? Effect.never : Effect.void))
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 100))
      yield* elapse("1 second")
      assert.deepStrictEqual(spill.batches, [])
      yield* elapse("1100 millis")
      assert.strictEqual(spill.batches.length, 1)
      yield* Ref.set(answer, () => Effect.void)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* batches, [])
    }),
  )

  it.effect("commits in smaller parts when many at once fail", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline()
      yield* Ref.set(answer, (ids) => (ids.length > 100 ? away : Effect.void))
      yield* Ref.update(answer, (was) => (ids) => (ids[0] === 0 && ids.length === 100 ? away : was(ids)))
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 100))
      yield* elapse("100 millis")
      yield* Queue.offerAll(input, trades(100, 300))
      yield* Ref.set(answer, (ids) => (ids.length > 100 ? away : Effect.void))
      yield* elapse("20 seconds", "100 millis")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 400).map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("commits in smaller parts too when the disk takes nothing", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline({ mostSpilled: 0 })
      yield* Ref.set(answer, (ids) =>
        ids[0] === 0 ? Effect.sleep("500 millis") : ids.length > 100 ? away : Effect.void,
      )
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 100))
      yield* elapse("0 millis")
      yield* Queue.offerAll(input, trades(100, 300))
      yield* elapse("2 seconds", "100 millis")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 400).map(({ id }) => id),
      )
      assert.strictEqual((yield* Metric.value(Metrics.tradesDropped)).count, 0)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.effect(
    "counts what a part of a large batch stored when the other part fails, and asks for its holes from then on",
    () =>
      Effect.gen(function* () {
        const symbols = ["ADAUSDT", "BTCUSDT", "ETHUSDT"]
        const { answer, input, run, spill, world } = yield* pipeline({ symbols, catchUp: false })
        const of = (symbol: string, from: number, count: number) =>
          trades(from, count).map((one) => ({ ...one, symbol }))
        let isAway = false
        yield* Ref.set(answer, ([first = 0]) => {
          if (first === 0) return Effect.sleep("500 millis")
          if (isAway || first >= 10_000) return away
          isAway = true
          return Effect.void
        })
        const fiber = yield* Effect.forkChild(run)
        yield* Queue.offerAll(input, of("ADAUSDT", 0, 100))
        yield* elapse("0 millis")
        yield* Queue.offerAll(input, [...of("BTCUSDT", 1_000, 600), ...of("ETHUSDT", 10_000, 600)])
        yield* elapse("600 millis", "100 millis")
        assert.strictEqual((yield* Metric.value(Metrics.tradesStored)).count, 700)
        assert.strictEqual(spill.batches.flat().length, 1_200)
        yield* Ref.set(answer, () => Effect.void)
        yield* elapse("10 seconds", "100 millis")
        assert.deepStrictEqual(spill.batches, [])
        assert.deepStrictEqual(world.unwanted.slice(0, 3), [symbols, ["BTCUSDT", "ETHUSDT"], ["ETHUSDT"]])
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.effect("goes round a disk that fails while the database takes trades", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run, spill } = yield* pipeline({ mostSpilled: 1 })
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 100))
      yield* elapse("100 millis")
      spill.unreadable = true
      yield* Ref.set(answer, () => Effect.void)
      yield* Queue.offerAll(input, trades(100, 100))
      yield* elapse("20 seconds", "100 millis")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(100, 100).map(({ id }) => id),
      )
      spill.unreadable = false
      yield* elapse("6 seconds", "100 millis")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        [...trades(100, 100), ...trades(0, 100)].map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("removes what cannot be read from the disk, and goes on behind it", () =>
    Effect.gen(function* () {
      const { batches, run, spill } = yield* pipeline()
      spill.batches.push(trades(0, 100), trades(100, 100))
      spill.broken = 1
      const fiber = yield* Effect.forkChild(run)
      yield* elapse("1 second")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(100, 100).map(({ id }) => id),
      )
      assert.deepStrictEqual(spill.batches, [])
      yield* Fiber.interrupt(fiber)
    }),
  )
})
