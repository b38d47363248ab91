import { assert, describe, it } from "@effect/vitest"
import { Effect, References } from "effect"
import { TestClock } from "effect/testing"
import { makeRateLimited } from "../../src/telemetry/rateLimited.ts"

describe("makeRateLimited", () => {
  it.effect("lets one through in a window and tells how many it held back", () =>
    Effect.gen(function* () {
      const passed: Array<unknown> = []
      const log = Effect.gen(function* () {
        passed.push((yield* References.CurrentLogAnnotations)["suppressed"])
      })
      const rateLimited = yield* makeRateLimited("1 second")

      for (let count = 0; count < 5; count++) yield* rateLimited(log)
      assert.deepStrictEqual(passed, [undefined])
      yield* TestClock.adjust("999 millis")
      yield* rateLimited(log)
      assert.deepStrictEqual(passed, [undefined])
      yield* TestClock.adjust("1 millis")
      yield* rateLimited(log)
      assert.deepStrictEqual(passed, [undefined, 5])
      yield* TestClock.adjust("1 second")
      yield* rateLimited(log)
      assert.deepStrictEqual(passed, [undefined, 5, undefined])
    }),
  )

  it.effect("opens again at once when the clock is set back", () =>
    Effect.gen(function* () {
      let passed = 0
      const log = Effect.sync(() => {
        passed += 1
      })
      yield* TestClock.setTime(1_000_000)
      const rateLimited = yield* makeRateLimited("1 second")
      yield* rateLimited(log)
      yield* TestClock.setTime(0)
      yield* rateLimited(log)
      assert.strictEqual(passed, 2)
    }),
  )
})
