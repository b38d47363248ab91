import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { RestError } from "../../src/feed/RestError.ts"
import type { ConnectionStatus } from "../../src/feed/TradeFeed.ts"
import { Rhythm } from "../../src/ingest/Rhythm.ts"
import { watchStalledSymbols } from "../../src/ingest/stalledSymbols.ts"
import { elapse } from "../fixtures/elapse.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { statusOf } from "../fixtures/statusOf.ts"

/** So long, in ms, both symbols were heard: the quiet one often enough to be known. */
const LEARNED = 50 * 60_000

/** A watch over one connection: BUSYUSDT trades ten times a second until it stalls, QUIETUSDT every two minutes. */
const watch = Effect.fnUntraced(function* (found: (symbol: string) => Effect.Effect<number, RestError>) {
  const rhythm = new Rhythm()
  const seen = { asked: [] as Array<string>, renewed: [] as Array<string>, level: true, stalled: false }
  const status: ConnectionStatus = statusOf({ symbols: ["BUSYUSDT", "QUIETUSDT"] })
  for (let now = 100; now <= LEARNED; now += 100) rhythm.note([tradeOf(1, { symbol: "BUSYUSDT" })], now)
  for (let now = 0; now <= LEARNED; now += 120_000) rhythm.note([tradeOf(1, { symbol: "QUIETUSDT" })], now)
  yield* TestClock.setTime(LEARNED)
  yield* Effect.gen(function* () {
    if (!seen.stalled) rhythm.note([tradeOf(1, { symbol: "BUSYUSDT" })], yield* Clock.currentTimeMillis)
  }).pipe(Effect.delay("100 millis"), Effect.repeat(Schedule.forever), Effect.forkChild)
  const fiber = yield* Effect.forkChild(
    watchStalledSymbols({
      connections: Effect.succeed([status]),
      rhythm,
      isLevel: Effect.sync(() => seen.level),
      probe: (symbol) =>
        Effect.andThen(
          Effect.sync(() => seen.asked.push(symbol)),
          found(symbol),
        ),
      renew: (symbol) => Effect.sync(() => void seen.renewed.push(symbol)),
    }),
  )
  yield* elapse("10 seconds", "100 millis")
  assert.deepStrictEqual(seen.asked, [])
  return { seen, rhythm, stop: Fiber.interrupt(fiber) }
})

describe("watchStalledSymbols", () => {
  it.effect("replaces the connection of a symbol that is silent although the exchange has trades of it", () =>
    Effect.gen(function* () {
      const { seen, stop } = yield* watch(() => Effect.succeed(12))
      seen.stalled = true
      yield* elapse("4 seconds", "100 millis")
      assert.deepStrictEqual(seen.asked, [])
      yield* elapse("4 seconds", "100 millis")
      assert.deepStrictEqual(seen, { asked: ["BUSYUSDT"], renewed: ["BUSYUSDT"], level: true, stalled: true })
      yield* stop
    }),
  )

  it.effect("leaves a symbol alone that does not trade, and asks ever less often", () =>
    Effect.gen(function* () {
      const { seen, stop } = yield* watch(() => Effect.succeed(0))
      seen.stalled = true
      yield* elapse("9 minutes", "500 millis")
      assert.deepStrictEqual(seen.renewed, [])
      // At 5, 10, 20, 40, 80, 160 and 320 seconds.
      assert.strictEqual(seen.asked.length, 7)
      yield* stop
    }),
  )

  it.effect("does not take a trade that was on its way for a stall", () =>
    Effect.gen(function* () {
      const { rhythm, seen, stop } = yield* watch(() => Effect.succeed(1))
      seen.stalled = true
      yield* elapse("6 seconds", "100 millis")
      assert.deepStrictEqual(seen.asked, ["BUSYUSDT"])
      rhythm.note([tradeOf(1, { symbol: "BUSYUSDT" })], LEARNED + 16_000)
      yield* elapse("3 seconds", "100 millis")
      assert.deepStrictEqual(seen.renewed, [])
      yield* stop
    }),
  )

  it.effect("asks nothing while trades wait for the database", () =>
    Effect.gen(function* () {
      const { seen, stop } = yield* watch(() => Effect.succeed(1))
      seen.level = false
      seen.stalled = true
      yield* elapse("1 minute", "100 millis")
      assert.deepStrictEqual(seen.asked, [])
      yield* stop
    }),
  )

  it.effect("without an answer of the exchange waits much longer, and then replaces the connection", () =>
    Effect.gen(function* () {
      const { seen, stop } = yield* watch(() =>
        Effect.fail(new RestError({ host: "exchange", status: undefined, detail: "none is known" })),
      )
      seen.stalled = true
      yield* elapse("59 seconds", "100 millis")
      assert.deepStrictEqual(seen.renewed, [])
      yield* elapse("1 minute", "500 millis")
      assert.deepStrictEqual(seen.renewed, ["BUSYUSDT"])
      yield* stop
    }),
  )

  it.effect("asks about symbols that it hardly knows after a minute, and then ever less often", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const renewed: Array<string> = []
      const rhythm = new Rhythm()
      rhythm.note([tradeOf(1)], 0)
      const fiber = yield* Effect.forkChild(
        watchStalledSymbols({
          connections: Effect.succeed([statusOf({ symbols: ["BTCUSDT", "NEVERUSDT"] })]),
          rhythm,
          isLevel: Effect.succeed(true),
          probe: (symbol) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              asked.push(now)
              // One of them trades, and nothing of it comes.
              return symbol === "NEVERUSDT" && asked.length > 4 ? 3 : 0
            }),
          renew: (symbol) => Effect.sync(() => void renewed.push(symbol)),
        }),
      )
      yield* elapse("3 minutes", "1 second")
      assert.deepStrictEqual(asked, [60_000, 60_000, 120_000, 120_000])
      assert.deepStrictEqual(renewed, [])
      yield* elapse("65 seconds", "1 second")
      assert.deepStrictEqual(renewed, ["NEVERUSDT"])
      yield* Fiber.interrupt(fiber)
    }),
  )
})
