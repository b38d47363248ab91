import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Logger, Queue, Stream } from "effect"
import { layerNoDeps } from "../../../src/feed/binance/BinanceFeed.ts"
import { DialBudget } from "../../../src/feed/binance/DialBudget.ts"
import { TradeFeed } from "../../../src/feed/TradeFeed.ts"
import { elapse } from "../../fixtures/elapse.ts"
import { closed, fakeExchange, refused, type Script, tradeFrame } from "../../fixtures/FakeExchange.ts"

const feedOf = (onDial: Parameters<typeof fakeExchange>[0]) =>
  layerNoDeps({
    wsUrl: new URL("ws://exchange/stream"),
    maxReconnectAttempts: 0,
    rotateAfter: Duration.hours(23),
  }).pipe(Layer.provide([fakeExchange(onDial), DialBudget.layer]))

describe("BinanceFeed", () => {
  it.effect("delivers trades in order, and survives every frame that is none", () => {
    const script: Script = ({ deliver }) =>
      Effect.andThen(
        deliver(
          '{"result":null,"id":1}',
          tradeFrame(1),
          "{ not json",
          '{"code":2,"msg":"Invalid request"}',
          '{"e":"serverShutdown","E":1}',
          '{"e":"kline"}',
          tradeFrame(2, { p: 1 }),
          tradeFrame(7, { s: "ETHUSDT" }),
          tradeFrame(2),
        ),
        Effect.never,
      )
    return Effect.gen(function* () {
      const feed = yield* TradeFeed
      const trades = yield* feed.trades(["BTCUSDT"], Effect.never).pipe(Stream.take(2), Stream.runCollect)
      assert.deepStrictEqual(
        trades.map(({ id }) => id),
        [1, 2],
      )
      const [connection] = yield* feed.connections
      assert.deepInclude(connection, { state: "connected", reconnects: 0, lastLoss: undefined, symbols: ["BTCUSDT"] })
    }).pipe(Effect.provide(feedOf(() => Effect.succeed(script))))
  })

  it.effect("delivers what arrived before a connection was lost, then what the next one brings", () =>
    Effect.gen(function* () {
      const feed = yield* TradeFeed
      const fiber = yield* feed
        .trades(["BTCUSDT"], Effect.never)
        .pipe(Stream.take(4), Stream.runCollect, Effect.forkChild)
      yield* elapse("2 seconds")
      const trades = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        trades.map(({ id }) => id),
        [0, 1, 10, 11],
      )
      const [connection] = yield* feed.connections
      assert.strictEqual(connection?.reconnects, 1)
      assert.include(connection?.lastLoss ?? "", "closed the connection")
    }).pipe(
      Effect.provide(
        feedOf((dial) =>
          Effect.succeed<Script>(({ deliver }) =>
            Effect.andThen(
              deliver(tradeFrame(dial * 10), tradeFrame(dial * 10 + 1)),
              Effect.delay(Effect.fail(closed()), "1 second"),
            ),
          ),
        ),
      ),
    ),
  )

  it.effect("gives everything it has read when it is asked to end", () =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<void>()
      const taken: Array<number> = []
      const fiber = yield* Effect.flatMap(TradeFeed, (feed) =>
        feed.trades(["BTCUSDT"], Deferred.await(stop)).pipe(
          Stream.runForEach(({ id }) =>
            Effect.delay(
              Effect.sync(() => taken.push(id)),
              "10 millis",
            ),
          ),
        ),
      ).pipe(
        Effect.provide(
          feedOf(() =>
            Effect.succeed<Script>(({ deliver }) =>
              Effect.andThen(
                Effect.forEach(Array.from({ length: 100 }), (_, id) => deliver(tradeFrame(id)), { discard: true }),
                Effect.never,
              ),
            ),
          ),
        ),
        Effect.forkChild,
      )
      yield* elapse("50 millis", "10 millis")
      yield* Deferred.succeed(stop, undefined)
      yield* elapse("2 seconds", "10 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        taken,
        Array.from({ length: 100 }, (_, id) => id),
      )
    }),
  )

  it.effect("ends at once while it dials or waits to dial again", () =>
    Effect.gen(function* () {
      for (const onDial of [() => Effect.never, () => Effect.fail(refused(503))]) {
        const stop = yield* Deferred.make<void>()
        const fiber = yield* Effect.flatMap(TradeFeed, (feed) =>
          Stream.runDrain(feed.trades(["BTCUSDT"], Deferred.await(stop))),
        ).pipe(Effect.provide(feedOf(onDial)), Effect.forkChild)
        yield* elapse("20 seconds", "1 second")
        yield* Deferred.succeed(stop, undefined)
        yield* elapse("1 millis", "1 millis")
        assert.isDefined(fiber.pollUnsafe())
      }
    }),
  )

  it.effect("subscribes in requests that stay below 5 a second", () =>
    Effect.gen(function* () {
      const requests = yield* Queue.unbounded<{ readonly at: number; readonly text: string }>()
      const script: Script = ({ sent }) =>
        Effect.forever(
          Effect.flatMap(Queue.take(sent), (text) =>
            Effect.clockWith((clock) => Queue.offer(requests, { at: clock.currentTimeMillisUnsafe(), text })),
          ),
        )
      const symbols = Array.from({ length: 250 }, (_, index) => `S${index}`)
      const fiber = yield* Effect.flatMap(TradeFeed, (feed) =>
        Stream.runDrain(feed.trades(symbols, Effect.never)),
      ).pipe(Effect.provide(feedOf(() => Effect.succeed(script))), Effect.forkChild)
      yield* elapse("3 seconds")
      const all = yield* Queue.takeAll(requests)
      assert.strictEqual(all.length, 2)
      assert.isAtLeast((all[1]?.at ?? 0) - (all[0]?.at ?? 0), 250)
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("says what to set where the location is restricted", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      const fiber = yield* Effect.flatMap(TradeFeed, (feed) =>
        Stream.runDrain(feed.trades(["BTCUSDT"], Effect.never)),
      ).pipe(Effect.provide([feedOf(() => Effect.fail(refused(451))), logger]), Effect.forkChild)
      yield* elapse("1 second")
      yield* Fiber.interrupt(fiber)
      assert.include(lines[0] ?? "", "wss://data-stream.binance.vision/ws")
      assert.include(lines[0] ?? "", "npm run demo")
    }),
  )
})
