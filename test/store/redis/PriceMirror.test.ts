import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Metric, Scope } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { LatestPrices } from "../../../src/store/LatestPrices.ts"
import * as PriceMirror from "../../../src/store/redis/PriceMirror.ts"
import * as Metrics from "../../../src/telemetry/RedisMetrics.ts"
import { elapse, settle } from "../../fixtures/elapse.ts"
import { tradeOf } from "../../fixtures/trades.ts"
import { fakeRedis, type Mood } from "./FakeRedis.ts"

/** A mirror between prices and a fake Redis, and what it logs. Metrics are those of the process: compare them. */
const mirroring = Effect.fnUntraced(function* (mood: Mood = "well") {
  const { layer, state } = fakeRedis()
  state.mood = mood
  const lines: Array<string> = []
  const logs = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(
    PriceMirror.layer.pipe(Layer.provide([layer, logs]), Layer.provideMerge(LatestPrices.layerFrom([]))),
    scope,
  )
  const { committed } = yield* Effect.provide(LatestPrices, context)
  yield* settle
  const trade = (id: number, symbol = "BTCUSDT") => committed([tradeOf(id, { symbol })])
  return { redis: state, lines, trade, stop: Scope.close(scope, Exit.void) }
})

const count = (counter: Metric.Counter<number>) => Effect.map(Metric.value(counter), (state) => state.count)
const isUp = Effect.map(Metric.value(Metrics.redisUp), ({ value }) => value)

describe("PriceMirror", () => {
  it.effect("writes the newest price of each symbol, ten times a second at most, and never a quiet one again", () =>
    Effect.gen(function* () {
      const { redis, stop, trade } = yield* mirroring()
      for (let id = 0; id < 2_000; id++) {
        trade(id)
        if (id % 40 === 0) trade(id, "ETHUSDT")
        if (id % 2 === 1) yield* elapse("1 millis", "1 millis")
      }
      yield* elapse("200 millis", "100 millis")
      assert.isAtMost(redis.writes.length, 11)
      assert.isAtLeast(redis.writes.length, 9)
      assert.deepStrictEqual([redis.kept.get("BTCUSDT")?.id, redis.kept.get("ETHUSDT")?.id], [1_999, 1_960])
      const before = redis.writes.length
      yield* elapse("3 seconds", "100 millis")
      assert.strictEqual(redis.writes.length, before)
      yield* stop
    }),
  )

  it.effect(
    "asks a quiet connection whether it lives, and writes everything again each minute without publishing it",
    () =>
      Effect.gen(function* () {
        const { redis, stop, trade } = yield* mirroring()
        trade(1)
        yield* elapse("59 seconds", "1 second")
        assert.isAtLeast(redis.pings, 9)
        redis.kept.clear()
        yield* elapse("6 seconds", "1 second")
        assert.strictEqual(redis.kept.get("BTCUSDT")?.id, 1)
        yield* elapse("61 seconds", "1 second")
        assert.deepStrictEqual([redis.connected, redis.published.length], [1, 2])
        yield* stop
      }),
  )

  for (const mood of ["refusing", "hanging"] as const) {
    it.effect(`keeps the newest price of each symbol while Redis is ${mood}, warns once, and catches up`, () =>
      Effect.gen(function* () {
        const { lines, redis, stop, trade } = yield* mirroring()
        const [errors, dropped] = [yield* count(Metrics.redisErrors), yield* count(Metrics.redisDropped)]
        for (const symbol of ["BTCUSDT", "ETHUSDT", "SOLUSDT"]) trade(1, symbol)
        yield* elapse("200 millis", "100 millis")
        assert.strictEqual(yield* isUp, 1)
        redis.mood = mood
        for (let id = 2; id <= 201; id++) {
          trade(id)
          yield* elapse("100 millis", "100 millis")
        }
        assert.strictEqual(yield* isUp, 0)
        // It lost its memory, and is told of the quiet symbols too.
        redis.kept.clear()
        redis.mood = "well"
        yield* elapse("8 seconds", "100 millis")
        assert.deepStrictEqual([...redis.kept.values()].map(({ id, symbol }) => `${symbol} ${id}`).sort(), [
          "BTCUSDT 201",
          "ETHUSDT 1",
          "SOLUSDT 1",
        ])
        assert.isTrue(redis.writes.every((prices) => prices.length <= 3))
        assert.strictEqual(yield* isUp, 1)
        const failures = (yield* count(Metrics.redisErrors)) - errors
        assert.isAbove(failures, 2)
        assert.isBelow(failures, 15)
        assert.strictEqual((yield* count(Metrics.redisDropped)) - dropped, 199)
        assert.deepStrictEqual(
          lines.map((line) => line.replace(/refused|no answer/, "…")),
          [
            "Redis at fake:6379/0 gets the latest prices",
            "Redis at fake:6379/0 cannot be used: …. Trades are stored all the same; it gets the latest prices when it is back.",
            "Redis at fake:6379/0 gets the latest prices",
          ],
        )
        yield* stop
      }),
    )
  }

  it.effect("says once which keys are something else, and goes on with the others over the same connection", () =>
    Effect.gen(function* () {
      const { lines, redis, stop, trade } = yield* mirroring()
      redis.foreign = 1
      for (let id = 0; id < 20; id++) {
        trade(id)
        yield* elapse("100 millis", "100 millis")
      }
      assert.strictEqual(redis.connected, 1)
      assert.match(
        lines.join("\n"),
        /^Redis .* latest prices\nRedis at .* has other things under 1 of the keys [^\n]*$/,
      )
      assert.strictEqual(redis.kept.get("BTCUSDT")?.id, 19)
      assert.strictEqual(yield* isUp, 1)
      yield* stop
    }),
  )

  it.effect("connects again when the connection is lost while nothing is written", () =>
    Effect.gen(function* () {
      const { redis, stop } = yield* mirroring()
      yield* redis.loseConnections
      yield* elapse("1 second", "100 millis")
      assert.strictEqual(redis.connected, 2)
      yield* stop
    }),
  )

  it.effect("writes what is left when it is stopped", () =>
    Effect.gen(function* () {
      const { redis, stop, trade } = yield* mirroring()
      trade(1)
      yield* stop
      assert.strictEqual(redis.kept.get("BTCUSDT")?.id, 1)
    }),
  )

  it.effect("writes the newest of what is left, not what it was writing when it was stopped", () =>
    Effect.gen(function* () {
      const { redis, stop, trade } = yield* mirroring()
      redis.mood = "hanging"
      trade(1)
      trade(8, "ETHUSDT")
      yield* elapse("200 millis", "100 millis")
      trade(2)
      yield* elapse("200 millis", "100 millis")
      redis.mood = "well"
      yield* stop
      assert.deepStrictEqual(
        redis.published.map(({ id, symbol }) => `${symbol} ${id}`),
        ["BTCUSDT 2", "ETHUSDT 8"],
      )
    }),
  )

  it.effect("stops within a second where Redis does not answer", () =>
    Effect.gen(function* () {
      const { redis, stop, trade } = yield* mirroring()
      redis.mood = "hanging"
      trade(1)
      yield* elapse("300 millis", "100 millis")
      const stopping = yield* Effect.forkChild(stop)
      yield* settle
      assert.strictEqual(stopping.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
    }),
  )

  it.effect("publishes ids that only rise, and ends level, whatever Redis does meanwhile", () =>
    Effect.promise(() => fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), follow), { numRuns: 25 })),
  )
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ symbol: fc.constantFrom("A", "B"), id: fc.integer({ min: 0, max: 50 }) }) },
  { weight: 3, arbitrary: fc.constantFrom(50, 120, 700, 3_000) },
  { weight: 3, arbitrary: fc.constantFrom("well" as const, "refusing" as const, "hanging" as const, "lost" as const) },
)

type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

const follow = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const { redis, stop, trade } = yield* mirroring()
    const highest = new Map<string, number>()
    for (const step of steps) {
      if (step === "lost") yield* redis.loseConnections
      else if (typeof step === "string") redis.mood = step
      else if (typeof step === "number") yield* elapse(step)
      else {
        trade(step.id, step.symbol)
        highest.set(step.symbol, Math.max(step.id, highest.get(step.symbol) ?? -1))
      }
    }
    redis.mood = "well"
    yield* elapse("10 seconds", "100 millis")
    yield* stop
    assert.deepStrictEqual(new Map([...redis.kept].map(([symbol, { id }]) => [symbol, id])), highest)
    for (const name of ["A", "B"]) {
      const ids = redis.published.filter(({ symbol }) => symbol === name).map(({ id }) => id)
      assert.deepStrictEqual(
        ids,
        [...new Set(ids)].toSorted((a, b) => a - b),
      )
    }
  }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)
