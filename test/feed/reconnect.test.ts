import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Random, Schedule, Stream } from "effect"
import { elapse } from "../fixtures/elapse.ts"
import { layerNoDeps } from "../../src/feed/binance/BinanceFeed.ts"
import { DialBudget } from "../../src/feed/binance/DialBudget.ts"
import { reconnect } from "../../src/feed/reconnect.ts"
import { TradeFeed } from "../../src/feed/TradeFeed.ts"
import { closed, fakeExchange, refused, type Script, tradeFrame } from "../fixtures/FakeExchange.ts"

const delays = (count: number) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(reconnect(0))
    const all: Array<number> = []
    for (let i = 0; i < count; i++) {
      const [, delay] = yield* step(0, undefined)
      all.push(Duration.toMillis(delay))
    }
    return all
  })

const dropAtOnce: Script = () => Effect.fail(closed())
const tradeThenDrop: Script = ({ deliver }) =>
  Effect.andThen(deliver(tradeFrame(1)), Effect.delay(Effect.fail(closed()), "1 second"))

/** Runs the feed against the exchange for a while, and tells when it dialled and how it ended. */
const dialsWithin = (
  duration: Duration.Input,
  onDial: (dial: number) => ReturnType<Parameters<typeof fakeExchange>[0]>,
  maxReconnectAttempts = 0,
) =>
  Effect.gen(function* () {
    const dials: Array<number> = []
    const exchange = fakeExchange((dial) =>
      Effect.andThen(
        Effect.clockWith((clock) => Effect.sync(() => dials.push(clock.currentTimeMillisUnsafe()))),
        onDial(dial),
      ),
    )
    const feed = layerNoDeps({
      wsUrl: new URL("ws://exchange/ws"),
      maxReconnectAttempts,
      rotateAfter: Duration.hours(23),
    }).pipe(Layer.provide([exchange, DialBudget.layer]))
    const fiber = yield* Effect.flatMap(TradeFeed, ({ trades }) =>
      Stream.runDrain(trades(["BTCUSDT"], Effect.never)),
    ).pipe(Effect.provide(feed), Effect.result, Effect.forkChild)
    yield* elapse(duration)
    const ended = fiber.pollUnsafe()
    return { dials, ended }
  })

describe("reconnect", () => {
  it.effect("doubles from 250 ms, ±20%, and never waits longer than 5 s", () =>
    Effect.gen(function* () {
      const all = yield* delays(12)
      for (const [index, delay] of all.entries()) {
        const exact = 250 * 2 ** index
        assert.isAtLeast(delay, Math.min(exact * 0.8, 5000))
        assert.isAtMost(delay, Math.min(exact * 1.2, 5000))
      }
      assert.deepStrictEqual(
        all.slice(5),
        Array.from({ length: 7 }, () => 5000),
      )
    }),
  )

  it.effect("is jittered", () =>
    Effect.gen(function* () {
      const first = yield* Effect.provideService(delays(3), Random.Random, {
        ...(yield* Random.Random),
        nextDoubleUnsafe: () => 0,
      })
      assert.deepStrictEqual(first, [200, 400, 800])
    }),
  )

  it.effect("is still capped after a thousand attempts", () =>
    Effect.gen(function* () {
      const all = yield* delays(1200)
      assert.strictEqual(all.at(-1), 5000)
    }),
  )

  it.effect("starts over after a connection delivered a trade, not after one that only opened", () =>
    Effect.gen(function* () {
      const opened = yield* dialsWithin("30 seconds", () => Effect.succeed(dropAtOnce))
      const gaps = opened.dials.slice(1).map((at, index) => at - (opened.dials[index] ?? 0))
      assert.isAtLeast(gaps.at(-1) ?? 0, 4_999)

      const delivered = yield* dialsWithin("30 seconds", () => Effect.succeed(tradeThenDrop))
      const waits = delivered.dials.slice(1).map((at, index) => at - (delivered.dials[index] ?? 0) - 1_000)
      assert.isAbove(waits.length, 20)
      for (const wait of waits) assert.isAtMost(wait, 300)
    }),
  )

  it.effect("gives up after MAX_RECONNECT_ATTEMPTS in a row, and says why", () =>
    Effect.gen(function* () {
      const { dials, ended } = yield* dialsWithin("2 minutes", () => Effect.fail(refused(503)), 3)
      assert.strictEqual(dials.length, 4)
      assert.include(JSON.stringify(ended), "FeedGaveUp")
      assert.include(JSON.stringify(ended), "HTTP 503")
    }),
  )

  it.effect("counts the attempts anew after a connection that delivered", () =>
    Effect.gen(function* () {
      const { dials, ended } = yield* dialsWithin(
        "2 minutes",
        (dial) => (dial === 2 ? Effect.succeed(tradeThenDrop) : Effect.fail(refused(503))),
        3,
      )
      assert.strictEqual(dials.length, 6)
      assert.isDefined(ended)
    }),
  )

  it.effect("never gives up with 0", () =>
    Effect.gen(function* () {
      const { dials, ended } = yield* dialsWithin("2 minutes", () => Effect.fail(refused(503)))
      assert.isAbove(dials.length, 20)
      assert.isUndefined(ended)
    }),
  )

  it.effect("stays below 300 dials in 5 minutes, whatever the number of connections", () =>
    Effect.gen(function* () {
      const dials: Array<number> = []
      const budget = yield* DialBudget
      yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            budget.take,
            Effect.clockWith((clock) => Effect.sync(() => dials.push(clock.currentTimeMillisUnsafe()))),
          ),
        ),
      )
      yield* elapse("20 minutes", "1 second")
      for (const at of dials) {
        assert.isAtMost(dials.filter((other) => other >= at && other < at + 300_000).length, 250)
      }
      assert.isAtLeast(dials.length, 1000)
    }).pipe(Effect.provide(DialBudget.layer)),
  )
})
