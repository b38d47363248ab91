import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Ref, Scope, Stream } from "effect"
import type { SeenTrades } from "../../src/ingest/TradeBacklog.ts"
import { TradeBus, type TradeSubscription } from "../../src/ingest/TradeBus.ts"
import { StoreError } from "../../src/store/StoreError.ts"
import { elapse, settle } from "../fixtures/elapse.ts"
import { pipeline, trades } from "./pipeline.ts"

/** What a subscriber got, who takes one handful at a time and waits for `turn` after each. */
const listening = Effect.fnUntraced(function* (
  bus: TradeBus["Service"],
  subscription: TradeSubscription = {},
  turn: Effect.Effect<void> = Effect.void,
) {
  const got: Array<SeenTrades> = []
  const fiber = yield* bus.subscribe(subscription).pipe(
    Stream.runForEach((seen) =>
      Effect.andThen(
        Effect.sync(() => got.push(seen)),
        turn,
      ),
    ),
    Effect.forkChild,
  )
  yield* settle
  return { got, fiber, ids: () => got.map((seen) => seen.trades.map(({ id }) => id)) }
})

describe("TradeBus", () => {
  it.effect("hands each chunk to every subscriber, to some only the symbols that they want", () =>
    Effect.gen(function* () {
      const bus = yield* TradeBus
      const [all, some] = yield* Effect.all([listening(bus), listening(bus, { symbols: ["ETHUSDT", "SOLUSDT"] })])
      bus.publish(trades(0, 3))
      yield* settle
      bus.publish([...trades(3, 1), ...trades(7, 2).map((trade) => ({ ...trade, symbol: "ETHUSDT" }))])
      yield* settle
      assert.deepStrictEqual(all.ids(), [
        [0, 1, 2],
        [3, 7, 8],
      ])
      assert.deepStrictEqual(some.ids(), [[7, 8]])
      // Whoever left gets nothing more, and who comes gets nothing of before.
      yield* Fiber.interrupt(all.fiber)
      const late = yield* listening(bus)
      bus.publish(trades(10, 1))
      yield* settle
      assert.deepStrictEqual(all.ids().flat(), [0, 1, 2, 3, 7, 8])
      assert.deepStrictEqual(late.ids(), [[10]])
    }).pipe(Effect.provide(TradeBus.layer)),
  )

  it.effect("lets a slow subscriber lose the oldest and tells it how many, and no other one", () =>
    Effect.gen(function* () {
      const bus = yield* TradeBus
      const done = yield* Deferred.make<void>()
      const [slow, quick] = yield* Effect.all([listening(bus, { most: 50 }, Deferred.await(done)), listening(bus)])
      for (let chunk = 0; chunk < 20; chunk++) {
        bus.publish(trades(chunk * 10, 10))
        yield* settle
      }
      assert.strictEqual(quick.ids().flat().length, 200)
      yield* Deferred.succeed(done, undefined)
      yield* settle
      assert.deepStrictEqual(
        slow.got.map(({ lost, trades }) => [lost, trades[0].id, trades.length]),
        [
          [0, 0, 10],
          [140, 150, 50],
        ],
      )
      assert.isTrue(quick.got.every(({ lost }) => lost === 0))
    }).pipe(Effect.provide(TradeBus.layer)),
  )

  it.effect("ends its streams when it ends", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(TradeBus.layer, scope)
      const { fiber, ids } = yield* Effect.flatMap(TradeBus, listening).pipe(Effect.provide(context))
      yield* Effect.flatMap(TradeBus, (bus) => Effect.sync(() => bus.publish(trades(0, 1)))).pipe(
        Effect.provide(context),
      )
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(ids(), [[0]])
    }),
  )

  it.effect("carries what the pipeline sees, each once, before anything is committed", () =>
    Effect.gen(function* () {
      const { answer, batches, bus, input, run } = yield* pipeline()
      yield* Ref.set(answer, () => Effect.fail(new StoreError({ code: "57P01", detail: "terminating connection" })))
      const { ids } = yield* listening(bus)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, [...trades(0, 5), ...trades(0, 5), ...trades(5, 2)])
      yield* elapse("100 millis")
      assert.deepStrictEqual(ids().flat(), [0, 1, 2, 3, 4, 5, 6])
      assert.deepStrictEqual(yield* batches, [])
      yield* Fiber.interrupt(fiber)
    }),
  )
})
