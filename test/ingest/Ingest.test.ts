import { assert, describe, it } from "@effect/vitest"
import { type Cause, Duration, Effect, Fiber, Layer, Queue, Ref, Stream } from "effect"
import { FeedGaveUp, TradeFeed } from "../../src/feed/TradeFeed.ts"
import { TradeHistory } from "../../src/feed/TradeHistory.ts"
import { GapRepair } from "../../src/ingest/GapRepair.ts"
import { Ingest } from "../../src/ingest/Ingest.ts"
import type { Trade } from "../../src/market/Trade.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import { StoreError } from "../../src/store/StoreError.ts"
import { TradeStore, type Written } from "../../src/store/TradeStore.ts"
import { elapse } from "../fixtures/elapse.ts"

const trade = (id: number): Trade => ({
  symbol: "BTCUSDT",
  id,
  price: "1.00000000",
  quantity: "1.00000000",
  side: "BUY",
  time: 1_791_019_853_440_977,
  buyerOrderId: null,
  sellerOrderId: null,
  receivedAt: performance.now(),
})
const trades = (from: number, count: number) => Array.from({ length: count }, (_, index) => trade(from + index))

/** The pipeline between a queue of trades and a list of batches. */
const pipeline = Effect.gen(function* () {
  const input = yield* Queue.unbounded<Trade, FeedGaveUp | Cause.Done>()
  const batches = yield* Ref.make<ReadonlyArray<ReadonlyArray<number>>>([])
  const answer = yield* Ref.make<Effect.Effect<void, StoreError>>(Effect.void)
  const store = Layer.mock(TradeStore, {
    write: (batch): Effect.Effect<Written, StoreError> =>
      Ref.get(answer).pipe(
        Effect.flatten,
        Effect.andThen(Ref.update(batches, (all) => [...all, batch.map(({ id }) => id)])),
        Effect.as({ stored: batch.length, duplicate: 0, quarantined: 0, opened: 0 }),
      ),
  })
  const feed = Layer.mock(TradeFeed, {
    trades: (_, until) =>
      Stream.fromQueue(input).pipe(Stream.onStart(Effect.forkChild(Effect.andThen(until, Queue.end(input))))),
    connections: Effect.succeed([]),
  })
  const repair = Layer.mock(GapRepair, { run: Effect.never, wake: Effect.void })
  const ingest = yield* Layer.build(
    Ingest.layer({ symbols: ["BTCUSDT"], batchSize: 100, batchTimeout: Duration.seconds(1) }).pipe(
      Layer.provide([
        store,
        feed,
        repair,
        Layer.mock(GapLedger, { open: Effect.succeed([]), high: () => Effect.succeed(undefined) }),
        Layer.mock(TradeHistory, {}),
      ]),
    ),
  )
  const { isRunning, run } = yield* Effect.provide(Ingest, ingest)
  return { input, batches: Ref.get(batches), answer, isRunning, run }
})

const away = Effect.fail(new StoreError({ code: "57P01", detail: "terminating connection" }))

describe("Ingest", () => {
  it.effect("writes a batch at 100 trades, or 1 second after its first, and never an empty one", () =>
    Effect.gen(function* () {
      const { batches, input, run } = yield* pipeline
      const fiber = yield* Effect.forkChild(run)
      yield* elapse("10 seconds", "1 second")
      assert.deepStrictEqual(yield* batches, [])

      yield* Queue.offerAll(input, trades(0, 250))
      yield* elapse("0 millis")
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [100, 100],
      )
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

  it.effect("writes the open batch when it is interrupted, and takes nothing more", () =>
    Effect.gen(function* () {
      const { batches, input, isRunning, run } = yield* pipeline
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 42))
      yield* elapse("100 millis")
      assert.isTrue(yield* isRunning)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [42],
      )
      assert.isFalse(yield* isRunning)
    }),
  )

  it.effect("writes the open batch before it fails because the feed gave up", () =>
    Effect.gen(function* () {
      const { batches, input, run } = yield* pipeline
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 7))
      yield* elapse("100 millis")
      yield* Queue.fail(input, new FeedGaveUp({ attempts: 3, last: "refused" }))
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error._tag, "FeedGaveUp")
      assert.deepStrictEqual(
        (yield* batches).map((batch) => batch.length),
        [7],
      )
    }),
  )

  it.effect("asks an absent database again until it is back, and loses nothing meanwhile", () =>
    Effect.gen(function* () {
      const { answer, batches, input, run } = yield* pipeline
      yield* Ref.set(answer, away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 1_000))
      yield* elapse("2 minutes", "1 second")
      assert.deepStrictEqual(yield* batches, [])
      yield* Ref.set(answer, Effect.void)
      yield* elapse("7 seconds")
      assert.deepStrictEqual(
        (yield* batches).flat(),
        trades(0, 1_000).map(({ id }) => id),
      )
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("does not end as if all were well when the last batch could not be written", () =>
    Effect.gen(function* () {
      const { answer, input, run } = yield* pipeline
      yield* Ref.set(answer, Effect.die(new Error("a bug")))
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 10))
      yield* elapse("100 millis")
      yield* Fiber.interrupt(fiber)
      assert.include(String(fiber.pollUnsafe()), "a bug")
    }),
  )

  it.effect("does not wait forever for a database that stays away while it is asked to stop", () =>
    Effect.gen(function* () {
      const { answer, input, run } = yield* pipeline
      yield* Ref.set(answer, away)
      const fiber = yield* Effect.forkChild(run)
      yield* Queue.offerAll(input, trades(0, 10))
      yield* elapse("2 seconds")
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* elapse("10 seconds")
      yield* Fiber.join(stopping)
      assert.include(String(fiber.pollUnsafe()), "could not be written")
    }),
  )
})
