import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { RestError } from "../../src/feed/RestError.ts"
import { GapRepair, waitAfter } from "../../src/ingest/GapRepair.ts"
import { StoreError } from "../../src/store/StoreError.ts"
import { elapse } from "../fixtures/elapse.ts"
import { fakeMarket, pageOf } from "./FakeMarket.ts"

const started = Effect.gen(function* () {
  const { layer, market } = yield* fakeMarket
  const context = yield* Layer.build(GapRepair.layer.pipe(Layer.provide(layer)))
  const { run, wake } = yield* Effect.provide(GapRepair, context)
  return { market, wake, fiber: yield* Effect.forkScoped(run) }
})

const refusing = (status: number | undefined, code?: number) =>
  Effect.fail(new RestError({ host: "exchange", status, code, detail: "for the test" }))

/** What is left of the gaps. */
const left = (market: { gaps(): ReadonlyArray<{ state: string; first: number; last: number }> }) =>
  market.gaps().map(({ first, last, state }) => [state, first, last])

describe("GapRepair", () => {
  it.effect("fills gaps in pages of 1,000, passing on nothing beyond their ends", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.gap("BTCUSDT", 10_000, 12_499)
      yield* wake
      yield* elapse("1 second")
      assert.deepStrictEqual(
        market.asked.map(([, from]) => from),
        [10_000, 11_000, 12_000],
      )
      assert.deepStrictEqual(market.committed, [
        ["BTCUSDT", 10_000, 10_999],
        ["BTCUSDT", 11_000, 11_999],
        ["BTCUSDT", 12_000, 12_499],
      ])
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("waits half a second for a hole to close by itself, and looks by itself every 2 seconds", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.gap("BTCUSDT", 5, 9)
      yield* wake
      yield* elapse("450 millis")
      market.remove("BTCUSDT", 5, 9)
      yield* elapse("1 second")
      assert.deepStrictEqual(market.asked, [])
      market.gap("BTCUSDT", 15, 19)
      yield* elapse("3 seconds")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("takes small gaps first, and lets none wait for a large one", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.gap("BTCUSDT", 0, 9_999_999)
      market.gap("ETHUSDT", 0, 9)
      yield* elapse("3 seconds", "10 millis")
      assert.strictEqual(market.asked[0]?.[0], "ETHUSDT")
      assert.isAbove(market.asked.length, 20)
      for (let n = 0; n < 5; n++) market.gap(`S${n}`, 0, 1_999)
      yield* wake
      yield* elapse("800 millis", "10 millis")
      assert.deepStrictEqual(
        market.gaps().map(({ symbol }) => symbol),
        ["BTCUSDT"],
      )
      // The large one goes on meanwhile: 4 pages at once, 50 ms each.
      const before = market.asked.length
      yield* elapse("1 second", "10 millis")
      assert.isAtLeast(market.asked.length - before, 70)
    }),
  )

  it.effect("gives up ids that the exchange proves to serve no more, and splits the gap there", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.floor = 5_500
      market.gap("BTCUSDT", 1_000, 7_000)
      yield* wake
      yield* elapse("5 seconds")
      assert.deepStrictEqual(left(market), [["unfillable", 1_000, 5_499]])
      assert.include(market.gaps()[0]?.error ?? "", "answers from 5500 on")
      assert.isTrue(market.committed.every(([, first, last]) => first >= 5_500 && last <= 7_000))
    }),
  )

  it.effect("gives up a whole gap below the floor, and stores nothing from above it", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.floor = 1_000_000
      market.gap("BTCUSDT", 0, 299_999)
      yield* wake
      yield* elapse("5 seconds")
      assert.deepStrictEqual(left(market), [["unfillable", 0, 299_999]])
      assert.deepStrictEqual(market.committed, [])
      assert.isAtMost(market.asked.length, 10)
    }),
  )

  it.effect("does not believe a single answer that starts late", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      let lies = 1
      market.answer = (symbol) => (lies-- > 0 ? Effect.succeed(pageOf(symbol, 150, 1149)) : undefined)
      market.gap("BTCUSDT", 100, 199)
      yield* wake
      yield* elapse("1700 millis")
      assert.deepStrictEqual(left(market), [["open", 100, 149]])
      assert.include(market.gaps()[0]?.error ?? "", "disagree")
      yield* elapse("3 seconds")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("never closes a gap for an empty answer, and asks again ever more seldom", () =>
    Effect.gen(function* () {
      const { market } = yield* started
      market.newest = 99
      market.gap("BTCUSDT", 100, 199)
      yield* elapse("5 minutes", "100 millis")
      assert.deepStrictEqual(left(market), [["open", 100, 199]])
      assert.include(market.gaps()[0]?.error ?? "", "nothing from id 100 on yet")
      const pauses = market.asked.slice(1).map(([, , at], index) => at - (market.asked[index]?.[2] ?? 0))
      for (const [index, least] of [1, 2, 4, 8, 16, 32, 60].entries()) {
        assert.isAtLeast(pauses[index] ?? 0, least * 1000)
        assert.isBelow(pauses[index] ?? 0, least * 1000 + 1000)
      }
      market.newest = 200
      yield* elapse("62 seconds", "100 millis")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("stores what is there when the newest ids come late, and asks for the rest a second later", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.newest = 2_149
      market.gap("BTCUSDT", 100, 4_099)
      yield* wake
      yield* elapse("700 millis")
      assert.deepStrictEqual(left(market), [["open", 2_150, 4_099]])
      market.newest = 5_000
      yield* elapse("2 seconds")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("asks for ids that an answer left out once more", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      const whole = pageOf("BTCUSDT", 0, 999)
      let once = true
      market.answer = () => {
        if (!once) return undefined
        once = false
        return Effect.succeed({ ...whole, trades: whole.trades.filter(({ id }) => id !== 500) })
      }
      market.gap("BTCUSDT", 0, 999)
      yield* wake
      yield* elapse("800 millis")
      assert.deepStrictEqual(left(market), [["open", 500, 500]])
      yield* elapse("2 seconds")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("lets every gap wait while the host fails, and fills them once it is back", () =>
    Effect.gen(function* () {
      const { market } = yield* started
      for (let n = 0; n < 50; n++) market.gap("BTCUSDT", n * 100, n * 100 + 9)
      market.answer = () => refusing(503)
      yield* elapse("60 seconds", "100 millis")
      assert.isAtLeast(market.asked.length, 6)
      assert.isAtMost(market.asked.length, 7 * 4)
      assert.strictEqual(market.gaps().length, 50)
      market.answer = undefined
      yield* elapse("130 seconds", "100 millis")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  for (const [status, word] of [
    [451, "HTTP 451"],
    [403, "HTTP 403"],
    [418, "HTTP 418"],
    [400, "HTTP 400"],
    [undefined, "cannot be reached"],
  ] as const) {
    it.effect(`keeps a gap open with the reason: ${word}`, () =>
      Effect.gen(function* () {
        const { market } = yield* started
        market.gap("BTCUSDT", 1, 5)
        market.answer = () => refusing(status)
        yield* elapse("30 seconds")
        assert.deepStrictEqual(left(market), [["open", 1, 5]])
        assert.include(market.gaps()[0]?.error ?? "", word)
      }),
    )
  }

  it.effect("gives up the gaps of a symbol that the exchange lists no more, when it says so twice", () =>
    Effect.gen(function* () {
      const { market } = yield* started
      let answers = 0
      market.answer = (symbol) => (symbol === "BTCUSDT" ? undefined : (answers++, refusing(400, -1121)))
      market.gap("BTCUSDT", 1, 5)
      market.gap("LUNAUSDT", 1, 5_000)
      yield* elapse("13 seconds")
      assert.deepStrictEqual(left(market), [["unfillable", 1, 5_000]])
      assert.include(market.gaps()[0]?.error ?? "", "no longer lists LUNAUSDT")
      assert.isAtLeast(answers, 2)
    }),
  )

  it.effect("stores what a host with the newest trades alone has, and keeps the rest open with that reason", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.answer = (symbol, from) => Effect.succeed(pageOf(symbol, Math.max(from, 4_000), 4_999, "newest only"))
      market.gap("BTCUSDT", 100, 4_500)
      yield* wake
      yield* elapse("3 seconds")
      assert.deepStrictEqual(
        market.gaps().map(({ error, first, last }) => [first, last, error]),
        [[100, 3_999, "newest only"]],
      )
    }),
  )

  it.effect("fills the gap of a killed owner once its lease has ended, and not before", () =>
    Effect.gen(function* () {
      const { market } = yield* started
      market.gap("BTCUSDT", 1, 5, { state: "filling", until: 25_000, noticedAt: -10_000 })
      yield* elapse("24 seconds")
      assert.deepStrictEqual(market.asked, [])
      yield* elapse("12 seconds")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it.effect("keeps its lease while it works, and stops where the lease is lost or nothing is left", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.gap("BTCUSDT", 0, 9_999_999)
      yield* wake
      yield* elapse("30 seconds", "25 millis")
      const [gap] = market.gaps()
      assert.strictEqual(gap?.state, "filling")
      market.remove("BTCUSDT", 0, 9_999_999)
      yield* elapse("3 seconds", "25 millis")
      const asked = market.asked.length
      yield* elapse("3 seconds", "25 millis")
      assert.strictEqual(market.asked.length, asked)
    }),
  )

  it.effect("gives its gaps back when it is stopped", () =>
    Effect.gen(function* () {
      const { fiber, market, wake } = yield* started
      market.gap("BTCUSDT", 0, 9_999_999)
      yield* wake
      yield* elapse("1 second")
      assert.isTrue(market.gaps().every(({ state }) => state === "filling"))
      yield* Fiber.interrupt(fiber)
      assert.isTrue(market.gaps().every(({ state }) => state === "open"))
    }),
  )

  it.effect("survives a database that is away", () =>
    Effect.gen(function* () {
      const { market, wake } = yield* started
      market.store = Effect.fail(new StoreError({ code: "57P01", detail: "terminating connection" }))
      market.gap("BTCUSDT", 0, 4_999)
      yield* wake
      yield* elapse("20 seconds")
      assert.isAtMost(market.asked.length, 6 * 4)
      market.store = Effect.void
      yield* elapse("40 seconds")
      assert.deepStrictEqual(market.gaps(), [])
    }),
  )

  it("backs off from 1 s, doubling, to 60 s", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 6, 7, 50].map((failures) => Duration.toSeconds(waitAfter(failures))),
      [1, 2, 4, 32, 60, 60],
    )
  })
})
