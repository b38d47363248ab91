import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { makeRequestWeight, type RequestWeight } from "../../../src/feed/binance/RequestWeight.ts"
import { elapse } from "../../fixtures/elapse.ts"

/** An exchange that counts by its own clock, `ahead` of ours, and answers after `latency`. */
const exchange = (options: { readonly ahead?: number; readonly latency?: number; readonly limit?: number }) =>
  Effect.gen(function* () {
    const { ahead = 0, latency = 100, limit = 6000 } = options
    const weights = yield* makeRequestWeight
    const clock = yield* Clock.Clock
    const spent = new Map<number, number>()
    let foreign = 0
    const request = (weight: number) =>
      weights.spending(
        weight,
        Effect.gen(function* () {
          yield* Effect.sleep(latency / 2)
          const there = clock.currentTimeMillisUnsafe() + ahead
          const minute = Math.floor(there / 60_000)
          const used = (spent.get(minute) ?? foreign) + weight
          spent.set(minute, used)
          yield* Effect.sleep(latency / 2)
          yield* weights.answered(weight, {
            status: used > limit ? 429 : 200,
            headers: {
              date: new Date(there).toUTCString(),
              "x-mbx-used-weight-1m": String(used),
              "retry-after": String(Math.ceil(60 - (there % 60_000) / 1000)),
            },
          })
        }),
      )
    return { weights, spent, request, others: (weight: number) => void (foreign = weight) }
  })

/** Spends as fast as it may. */
const spending = (request: (weight: number) => Effect.Effect<void>) =>
  Effect.forkChild(
    Effect.forEach([1, 2, 3, 4], () => Effect.forever(request(25)), { concurrency: "unbounded", discard: true }),
  )

const START = Date.UTC(2026, 9, 7, 12, 0, 20)

describe("RequestWeight", () => {
  for (const [name, options] of [
    ["our clock is right", {}],
    ["our clock is 40 s behind", { ahead: 40_000 }],
    ["our clock is 3 s ahead", { ahead: -3_000 }],
    ["our clock is a day ahead", { ahead: -86_400_000 }],
    ["answers take 2 s", { latency: 1_900, ahead: 700 }],
  ] as const) {
    it.effect(`spends most of what a minute allows and never more than 95% of it, when ${name}`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(START)
        const { request, spent } = yield* exchange(options)
        const fiber = yield* spending(request)
        yield* elapse("270 seconds", "100 millis")
        yield* Fiber.interrupt(fiber)
        const whole = [...spent.values()].slice(1, -1)
        assert.isAtLeast(whole.length, 3)
        const possible = "latency" in options ? (60_000 / options.latency) * 4 * 25 : 6000
        for (const used of spent.values()) assert.isAtMost(used, 5700)
        for (const used of whole) assert.isAtLeast(used, 0.9 * possible)
      }),
    )
  }

  it.effect("leaves alone what others at the address have spent", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(START)
      const { others, request, spent } = yield* exchange({})
      others(3_000)
      const fiber = yield* spending(request)
      yield* elapse("160 seconds", "100 millis")
      yield* Fiber.interrupt(fiber)
      for (const used of spent.values()) assert.isAtMost(used, 5700)
      assert.isAtLeast([...spent.values()][2] ?? 0, 5400)
    }),
  )

  it.effect("goes by the limit that the exchange states", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(START)
      const { request, spent, weights } = yield* exchange({ limit: 1200 })
      weights.limit(1200)
      const fiber = yield* spending(request)
      yield* elapse("2 minutes", "100 millis")
      yield* Fiber.interrupt(fiber)
      for (const used of spent.values()) assert.isAtMost(used, 1140)
    }),
  )

  /** How long a request waits after an answer. */
  const waitAfter = (status: number, retryAfter: string | undefined) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(START)
      const weights: RequestWeight = yield* makeRequestWeight
      yield* weights.spending(25, weights.answered(25, { status, headers: { "retry-after": retryAfter } }))
      const clock = yield* Clock.Clock
      const fiber = yield* Effect.forkChild(
        weights.spending(
          25,
          Effect.sync(() => clock.currentTimeMillisUnsafe()),
        ),
      )
      yield* elapse("10 minutes", "1 second")
      return ((yield* Fiber.join(fiber)) - START) / 1000
    })

  it.effect("makes everybody wait as long as a refusal says", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* waitAfter(429, "7"), 7)
      assert.strictEqual(yield* waitAfter(418, "300"), 300)
      assert.strictEqual(yield* waitAfter(418, undefined), 120)
      assert.strictEqual(yield* waitAfter(429, "soon"), 60)
      assert.strictEqual(yield* waitAfter(503, "7"), 0)
    }),
  )

  it.effect("tells what is spent of this minute, by others too, and of how much", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(START)
      const { others, request, weights } = yield* exchange({})
      assert.deepStrictEqual([weights.used(), weights.allowed()], [0, 6_000])
      others(1_000)
      const fiber = yield* Effect.forkChild(request(25))
      yield* elapse("50 millis")
      assert.strictEqual(weights.used(), 25)
      yield* elapse("100 millis")
      yield* Fiber.join(fiber)
      assert.strictEqual(weights.used(), 1_025)
      yield* elapse("39 seconds", "1 second")
      assert.strictEqual(weights.used(), 1_025)
      yield* elapse("2 seconds", "1 second")
      assert.strictEqual(weights.used(), 0)
      weights.limit(1_200)
      assert.strictEqual(weights.allowed(), 1_200)
    }),
  )

  it.effect("does not stop for good when a host never answers, and gives back what an interrupted request held", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(START)
      const weights = yield* makeRequestWeight
      let made = 0
      const fiber = yield* Effect.forkChild(
        Effect.forever(
          weights.spending(
            25,
            Effect.andThen(
              Effect.sync(() => made++),
              Effect.sleep("100 millis"),
            ),
          ),
        ),
      )
      yield* elapse("150 seconds", "100 millis")
      yield* Fiber.interrupt(fiber)
      // The rest of one minute, a whole one, and a part.
      assert.isAtLeast(made, 2 * 228)
    }),
  )
})
