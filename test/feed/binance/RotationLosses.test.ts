import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Metric } from "effect"
import * as Metrics from "../../../src/telemetry/Metrics.ts"
import { elapse, settle } from "../../fixtures/elapse.ts"
import { refused } from "../../fixtures/FakeExchange.ts"
import { anHour, counted, from, none, running } from "./runningFeed.ts"

describe("a hand-over that is disturbed", () => {
  it.effect("releases what it holds when the old connection is lost in the middle, and goes on", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids, status } = yield* running(["BTCUSDT", "ETHUSDT"])
      yield* exchange.publish([1])
      yield* anHour
      const [old, next] = [exchange.connection(0), exchange.connection(1)]
      yield* next.trades([3, 4])
      yield* settle
      yield* old.lose
      yield* settle
      assert.deepStrictEqual(ids(), [1, 3, 4])
      yield* next.trades([5])
      yield* elapse("1 minute", "10 seconds")
      assert.deepStrictEqual(ids(), [1, 3, 4, 5])
      assert.strictEqual(exchange.dials.length, 2)
      // What was published around the loss is asked for by those who watch `since`.
      assert.deepInclude(yield* status, { state: "connected", since: 3_600_000, reconnects: 0, rotations: 1 })
      assert.include((yield* status).lastLoss ?? "", "closed the connection")
      assert.deepStrictEqual(yield* moved, { ...none, age: 1 })

      yield* next.lose
      yield* elapse("1 second")
      assert.strictEqual(exchange.dials.length, 3)
    }),
  )

  it.effect("counts a reconnect where the old connection is lost before the new one is subscribed", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids, status } = yield* running()
      exchange.acknowledges = false
      yield* anHour
      const [old, next] = [exchange.connection(0), exchange.connection(1)]
      yield* old.lose
      yield* settle
      yield* next.trades([8])
      yield* elapse("20 seconds")
      assert.deepStrictEqual(ids(), [8])
      assert.deepInclude(yield* status, { state: "connected", since: 3_600_000, reconnects: 1, rotations: 0 })
      assert.deepStrictEqual(yield* moved, { ...none, lost: 1 })
      assert.strictEqual(exchange.dials.length, 2)
    }),
  )

  it.effect("tries again while the old connection goes on, when the new one is lost in the middle", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids, status } = yield* running(["BTCUSDT", "ETHUSDT"])
      yield* anHour
      yield* exchange.publish([1, 2])
      yield* exchange.newest.trades([3])
      yield* settle
      yield* exchange.newest.lose
      yield* settle
      assert.strictEqual((yield* status).state, "connected")
      const old = exchange.connection(0)
      yield* old.trades([3, 4])
      yield* elapse("1 second")
      assert.strictEqual(exchange.connections.length, 3)
      yield* exchange.publish([1], "ETHUSDT")
      yield* settle
      assert.isTrue(old.isOpen(), "BTCUSDT was taken over by the connection that was lost, not by this one")
      yield* exchange.publish([5, 6])
      yield* settle
      assert.deepStrictEqual(ids(), from(1, 6))
      assert.deepStrictEqual(ids("ETHUSDT"), [1])
      assert.isFalse(old.isOpen())
      assert.deepInclude(yield* status, { state: "connected", since: 0, reconnects: 0, rotations: 1 })
      assert.deepStrictEqual(yield* moved, { ...none, age: 1, failures: 1 })
    }),
  )

  it.effect("gives everything that either connection had read when it is asked to stop in the middle", () =>
    Effect.gen(function* () {
      const { exchange, fiber, ids, stop } = yield* running(["BTCUSDT", "ETHUSDT"], {
        perTrade: Effect.sleep("10 millis"),
      })
      yield* anHour
      const [old, next] = [exchange.connection(0), exchange.connection(1)]
      yield* old.trades(from(1, 50))
      yield* next.trades(from(40, 60))
      yield* next.trades([9], "ETHUSDT")
      yield* settle
      yield* stop
      yield* elapse("2 seconds", "10 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(ids(), from(1, 60))
      assert.deepStrictEqual(ids("ETHUSDT"), [9])
      assert.strictEqual(exchange.open, 0)
    }),
  )

  for (const [oldLast, nextLast] of [
    [4_500, 2_500],
    [2_500, 4_500],
  ] as const) {
    it.effect(`does so with ${oldLast} ids in the old one's socket and ${nextLast} in the new one's`, () =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const { exchange, fiber, ids, stop } = yield* running(["BTCUSDT"], { perTrade: Deferred.await(gate) })
        yield* anHour
        const [old, next] = [exchange.connection(0), exchange.connection(1)]
        // The first ones are taken one by one; the consumer is busy with them while the others wait.
        for (const id of [1, 2, 3, 4]) {
          yield* old.trades([id])
          yield* settle
        }
        yield* old.trades(from(5, oldLast))
        for (const id of [3, 4, 5]) {
          yield* next.trades([id])
          yield* settle
        }
        yield* next.trades(from(6, nextLast))
        yield* stop
        yield* settle
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(ids(), from(1, 4_500))
      }),
    )
  }

  it.effect("does not read ever more from the new connection while the old one is far behind", () =>
    Effect.gen(function* () {
      const received = Effect.map(Metric.value(Metrics.tradesReceived), ({ count }) => count)
      for (const ending of ["the old one comes up", "it is asked to stop"]) {
        const before = yield* received
        const { exchange, fiber, ids, stop } = yield* running()
        yield* anHour
        const [old, next] = [exchange.connection(0), exchange.connection(1)]
        yield* old.trades([1])
        yield* next.trades(from(3, 80_000))
        yield* Effect.repeat(settle, { times: 20 })
        const read = (yield* received) - before
        assert.isAbove(read, 65_000)
        assert.isBelow(read, 70_000)
        if (ending === "it is asked to stop") {
          yield* stop
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(ids(), [1, ...from(3, 80_000)])
        } else {
          yield* old.trades([2, 3])
          yield* Effect.repeat(settle, { times: 20 })
          assert.deepStrictEqual(ids(), from(1, 80_000))
          yield* Fiber.interrupt(fiber)
        }
      }
    }),
  )

  it.effect("stops at once while another connection is dialled, or waited for", () =>
    Effect.gen(function* () {
      const { exchange, fiber, stop } = yield* running()
      exchange.refusals.push(...Array.from({ length: 20 }, () => refused(503)))
      yield* anHour
      yield* elapse("20 seconds", "1 second")
      yield* stop
      yield* settle
      assert.isDefined(fiber.pollUnsafe())
    }),
  )

  it.effect("does not run out of patience while nobody takes the trades", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { exchange, ids } = yield* running(["BTCUSDT", "ETHUSDT"], { perTrade: Deferred.await(gate) })
      yield* anHour
      const [old, next] = [exchange.connection(0), exchange.connection(1)]
      yield* old.trades([1])
      yield* settle
      for (const id of from(2, 20)) {
        yield* old.trades([id])
        yield* settle
      }
      yield* next.trades([20, 21])
      yield* elapse("1 minute", "1 second")
      assert.isTrue(old.isOpen())
      assert.deepStrictEqual(ids(), [1])
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(ids(), from(1, 21))
      yield* elapse("5 seconds", "100 millis")
      assert.isFalse(old.isOpen())
    }),
  )
})
