import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Queue, Ref } from "effect"
import { FeedGaveUp } from "../../src/feed/TradeFeed.ts"
import { StoreError } from "../../src/store/StoreError.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { elapse } from "../fixtures/elapse.ts"
import { pipeline, trades } from "./pipeline.ts"

const away = Effect.fail(new StoreError({ code: "57P01", detail: "terminating connection" }))

describe("Ingest", () => {
  it.effect("writes a batch at 100 trades, or 1 second after its first, and never an empty one", () =>
    Effect.gen(function* () {
      const { batches, input, run } = yield* pipeline()
      const fiber = yield* Effect.forkChild(run)
      yield* elapse("10 seconds", "1 second")
      assert.deepStrictEqual(yield* batches, [])

      for (const from of [0, 100]) {
        yield* Queue.offerAll(input, trades(from, 100))
        yield* elapse("0 millis")
      }
      yield* Queue.offerAll(input, trades(200, 50))
      yield* elapse("900 millis")
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [100, 100],
      )
      yield* elapse("150 millis")
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [100, 100, 50],
      )
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 250).map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("writes all batches that wait when it is interrupted", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline()
      yield* Ref.set(answer, () => Effect.sleep("500 millis"))
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 100))
      yield* elapse("0 millis")
      yield* Queue.offerAll(input, trades(100, 450))
      yield* elapse("100 millis")
      assert.deepStrictEqual(yield* batches, [])
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* elapse("3 seconds", "100 millis")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 550).map(({ id }) => id),
      )
    }),
  )

  it.effect("writes the batches together that waited while another one was written", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline()
      yield* Ref.set(answer, (ids) => (ids[0] === 0 ? Effect.sleep("500 millis") : Effect.void))
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 100))
      yield* elapse("0 millis")
      yield* Queue.offerAll(input, trades(100, 420))
      yield* elapse("2 seconds", "100 millis")
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [100, 400, 20],
      )
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 520).map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("writes the open batch when it is interrupted, and takes nothing more", () =>
    Effect.gen(function* () {
      const { batches, input, newest, run, state } = yield* pipeline()
      assert.deepStrictEqual(yield* state, { name: "starting", since: 0 })
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 42))
      yield* elapse("100 millis")
      assert.strictEqual((yield* state).name, "running")
      assert.deepStrictEqual(
        (yield* newest).map(({ id, symbol }) => [symbol, id]),
        [["BTCUSDT", 41]],
      )
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [42],
      )
      assert.strictEqual((yield* state).name, "stopping")
    }),
  )

  it.effect("writes the open batch before it fails because the feed gave up", () =>
    Effect.gen(function* () {
      const { batches, input, run, state } = yield* pipeline()
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 7))
      yield* elapse("100 millis")
      yield* Queue.fail(input, new FeedGaveUp({ attempts: 3, last: "refused" }))
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error._tag, "FeedGaveUp")
      assert.deepStrictEqual(yield* state, { name: "ended", since: 100 })
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [7],
      )
    }),
  )

  it.effect("does not end as if all were well when the last batch could not be written", () =>
    Effect.gen(function* () {
      const { answer, input, run } = yield* pipeline()
      yield* Ref.set(answer, () => Effect.die(new Error("a bug")))
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 10))
      yield* elapse("100 millis")
      yield* Fiber.interrupt(fiber)
      assert.include(String(fiber.pollUnsafe()), "a bug")
    }),
  )

  it.effect("leaves out what it let through before, and counts it", () =>
    Effect.gen(function* () {
      const { batches, input, run } = yield* pipeline()
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, [...trades(0, 60), ...trades(30, 70)])
      yield* elapse("1 second")
      assert.deepStrictEqual(yield* batches, [trades(0, 100).map(({ id }) => id)])
      assert.strictEqual((yield* Metric.value(Metrics.tradesDuplicate)).count, 30)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.effect("stops at once where nothing was received yet, although the database is away", () =>
    Effect.gen(function* () {
      const { answer, run, spill } = yield* pipeline({ catchUp: false })
      spill.batches.push(trades(0, 10))
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* elapse("1 second")
      yield* Fiber.interrupt(fiber)
      assert.notInclude(String(fiber.pollUnsafe()), "could not be written")
    }),
  )
})
