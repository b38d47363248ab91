import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { RestError } from "../../src/feed/RestError.ts"
import { makeProbe } from "../../src/ingest/catchUp.ts"
import { GapRepair } from "../../src/ingest/GapRepair.ts"
import { elapse } from "../fixtures/elapse.ts"
import { fakeMarket, pageOf } from "./FakeMarket.ts"

const started = Effect.gen(function* () {
  const { layer, market } = yield* fakeMarket
  let woken = 0
  const repair = Layer.mock(GapRepair, { wake: Effect.sync(() => void woken++) })
  const context = yield* Layer.build(Layer.merge(layer, repair))
  const probe = yield* Effect.provide(makeProbe, context)
  /** What a probe of BTCUSDT stored, after some time. */
  const probed = Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(probe.persistently("BTCUSDT"))
    yield* elapse("2 seconds")
    return yield* Fiber.join(fiber)
  })
  return { market, probe, probed, woken: () => woken }
})

describe("Probe", () => {
  it.effect("takes an empty answer as proof that nothing was missed", () =>
    Effect.gen(function* () {
      const { market, probed } = yield* started
      market.highs.set("BTCUSDT", 99)
      market.newest = 99
      assert.strictEqual(yield* probed, 0)
      assert.deepStrictEqual(
        market.asked.map(([, from]) => from),
        [100],
      )
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("stores what was missed, page by page, and records nothing missing", () =>
    Effect.gen(function* () {
      const { market, probed, woken } = yield* started
      market.highs.set("BTCUSDT", 99)
      market.newest = 2_599
      assert.strictEqual(yield* probed, 2_500)
      assert.strictEqual(market.highs.get("BTCUSDT"), 2_599)
      assert.deepStrictEqual(market.gaps(), [])
      assert.strictEqual(woken(), 0)
    }),
  )

  it.effect("leaves the rest to repair once the stream is ahead", () =>
    Effect.gen(function* () {
      const { market, probed } = yield* started
      market.highs.set("BTCUSDT", 99)
      market.answer = () => {
        // A live commit while the answer is on its way.
        if (market.asked.length === 2) {
          market.highs.set("BTCUSDT", 50_000)
          market.gap("BTCUSDT", 1_100, 49_999)
        }
        return undefined
      }
      assert.strictEqual(yield* probed, 2_000)
      assert.strictEqual(market.asked.length, 2)
      assert.deepInclude(market.gaps()[0], { first: 2_100, last: 49_999 })
    }),
  )

  it.effect("records the hole when the exchange no longer serves all of it, and wakes repair", () =>
    Effect.gen(function* () {
      const { market, probed, woken } = yield* started
      market.highs.set("BTCUSDT", 99)
      market.floor = 500
      market.newest = 600
      assert.strictEqual(yield* probed, 101)
      assert.deepInclude(market.gaps()[0], { first: 100, last: 499, state: "open" })
      assert.strictEqual(woken(), 1)
    }),
  )

  it.effect("asks nothing about a symbol that has no origin", () =>
    Effect.gen(function* () {
      const { market, probed } = yield* started
      assert.strictEqual(yield* probed, 0)
      assert.deepStrictEqual(market.asked, [])
    }),
  )

  it.effect("asks again until there is an answer", () =>
    Effect.gen(function* () {
      const { market, probe } = yield* started
      market.highs.set("BTCUSDT", 99)
      market.answer = () => Effect.fail(new RestError({ host: "exchange", status: 503, detail: "for the test" }))
      const fiber = yield* Effect.forkChild(probe.persistently("BTCUSDT"))
      yield* elapse("20 seconds", "200 millis")
      assert.isAtLeast(market.asked.length, 4)
      assert.isAtMost(market.asked.length, 6)
      market.answer = (symbol, from) => Effect.succeed(pageOf(symbol, from, 149))
      yield* elapse("20 seconds", "200 millis")
      assert.strictEqual(yield* Fiber.join(fiber), 50)
    }),
  )
})
