import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Queue, Ref } from "effect"
import { StoreError } from "../../src/store/StoreError.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { elapse } from "../fixtures/elapse.ts"
import { statusOf } from "../fixtures/statusOf.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { pipeline, trades } from "./pipeline.ts"

const FAR = 1_000_000
const away = Effect.fail(new StoreError({ code: "57P01", detail: "terminating connection" }))

describe("What Ingest watches", () => {
  it.effect("asks what a symbol traded that stays silent after the start", () =>
    Effect.gen(function* () {
      const { run, world } = yield* pipeline({ high: 99 })
      world.connections = [statusOf()]
      world.secret = trades(100, 3)
      const fiber = yield* Effect.forkChild(run)
      yield* elapse("40 seconds", "1 second")
      assert.deepStrictEqual(world.asked, [100])
      assert.deepStrictEqual(world.repaired, [100, 101, 102])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect(
    "without catch-up gives up what a silent symbol traded before the start, and nothing that comes later",
    () =>
      Effect.gen(function* () {
        const { input, run, world } = yield* pipeline({ high: 99, catchUp: false })
        world.connections = [statusOf()]
        world.secret = trades(200, 3)
        const fiber = yield* Effect.forkChild(run)
        yield* elapse("40 seconds", "1 second")
        assert.deepStrictEqual([world.asked, world.repaired], [["newest"], [202]])
        yield* Queue.offer(input, tradeOf(205))
        yield* elapse("2 seconds")
        assert.deepStrictEqual(world.unwanted, [[]])
        yield* Fiber.interrupt(fiber)
      }),
  )

  it.effect("without catch-up gives up what was missed before the first commit of a symbol, and nothing after it", () =>
    Effect.gen(function* () {
      const { input, run, world } = yield* pipeline({ high: 99, catchUp: false })
      const fiber = yield* Effect.forkChild(run)
      for (const id of [150, 160]) {
        yield* Queue.offer(input, tradeOf(id))
        yield* elapse("2 seconds")
      }
      assert.deepStrictEqual(world.unwanted, [["BTCUSDT"], []])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("replaces the connection of a symbol that stalls", () =>
    Effect.gen(function* () {
      const { input, run, world } = yield* pipeline()
      world.connections = [statusOf()]
      const fiber = yield* Effect.forkChild(run)
      for (let id = 0; id < 40; id++) {
        yield* Queue.offer(input, tradeOf(id))
        yield* elapse("100 millis")
      }
      world.high = 39
      world.secret = trades(40, 5)
      yield* elapse("12 seconds", "500 millis")
      assert.deepStrictEqual(world.renewed, ["BTCUSDT"])
      assert.deepStrictEqual(world.repaired, [40, 41, 42, 43, 44])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("asks about no silence while trades wait on disk: the database knows less than was heard", () =>
    Effect.gen(function* () {
      const { answer, input, run, world } = yield* pipeline()
      world.connections = [statusOf()]
      const fiber = yield* Effect.forkChild(run)
      yield* Ref.set(answer, () => away)
      for (let id = 0; id < 40; id++) {
        yield* Queue.offer(input, tradeOf(id))
        yield* elapse("100 millis")
      }
      yield* elapse("20 seconds", "500 millis")
      assert.deepStrictEqual([world.asked, world.renewed], [[], []])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("asks the exchange about a jump that nothing follows, once, and takes its word", () =>
    Effect.gen(function* () {
      const { batches, input, run, world } = yield* pipeline({ high: 9 })
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, [tradeOf(10), tradeOf(FAR)])
      world.secret = [tradeOf(FAR)]
      yield* elapse("4 seconds")
      assert.deepStrictEqual(world.asked, [])
      yield* elapse("10 seconds")
      assert.deepStrictEqual([world.asked, world.repaired], [[FAR], [FAR]])
      // One that something else follows was bogus: nothing is asked.
      yield* Queue.offerAll(input, [tradeOf(3 * FAR), tradeOf(11)])
      yield* elapse("10 seconds")
      assert.deepStrictEqual(world.asked, [FAR])
      assert.deepStrictEqual(yield* batches, [[10], [11]])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("knows from the database what a jump is", () =>
    Effect.gen(function* () {
      const { batches, input, run } = yield* pipeline({ high: 9 })
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offer(input, tradeOf(FAR))
      yield* elapse("2 seconds")
      assert.deepStrictEqual(yield* batches, [])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("sets aside what the exchange numbers anew, and stores the rest", () =>
    Effect.gen(function* () {
      const { batches, input, run, world } = yield* pipeline()
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, [
        tradeOf(10),
        tradeOf(12),
        tradeOf(11, { time: tradeOf(12).time + 60_000_000 }),
        tradeOf(13),
      ])
      yield* elapse("2 seconds")
      assert.deepStrictEqual(yield* batches, [[10, 12, 13]])
      assert.deepStrictEqual(world.aside, [11])
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("asks for the trades that neither database nor disk took", () =>
    Effect.gen(function* () {
      const { answer, input, run, world } = yield* pipeline({ high: 9, mostSpilled: 0 })
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(10, 3))
      world.secret = trades(10, 3)
      yield* elapse("3 seconds")
      assert.strictEqual((yield* Metric.value(Metrics.tradesDropped)).count, 3)
      assert.deepStrictEqual(world.repaired, [10, 11, 12])
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it.effect("tells how old the oldest trade is that is not committed", () =>
    Effect.gen(function* () {
      const { answer, input, run } = yield* pipeline()
      yield* Ref.set(answer, () => away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offer(input, tradeOf(1, { receivedAt: performance.now() - 60_000 }))
      yield* elapse("3 seconds", "500 millis")
      assert.isAtLeast((yield* Metric.value(Metrics.oldestUncommittedSeconds)).value, 60)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )
})
