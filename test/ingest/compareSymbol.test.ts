import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Random } from "effect"
import { RestError } from "../../src/feed/RestError.ts"
import { type HistoryPage, TradeHistory } from "../../src/feed/TradeHistory.ts"
import { type Compared, compareSymbol } from "../../src/ingest/compareSymbol.ts"
import type { StoredTrade } from "../../src/store/storedPage.ts"
import { elapse } from "../fixtures/elapse.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { pageOf } from "./FakeMarket.ts"

const rowOf = (id: number): StoredTrade => {
  const { price, quantity, side, time } = tradeOf(id)
  return { id, price, quantity, side, time }
}

/** An exchange that answers, and a database with every id but those that are left out; both remember what was asked. */
const market = (answer: (from: number, attempt: number) => HistoryPage | RestError) => {
  const asked: Array<number> = []
  const read: Array<number> = []
  const left = new Set<number>()
  const changed = new Map<number, Partial<StoredTrade>>()
  const history = Layer.mock(TradeHistory, {
    page: (_, from) =>
      Effect.suspend(() => {
        asked.push(from)
        const given = answer(from, asked.filter((other) => other === from).length)
        return given instanceof RestError ? Effect.fail(given) : Effect.succeed(given)
      }),
  })
  const compare = (symbol: Partial<Compared>, samples: number) =>
    compareSymbol({ symbol: "BTCUSDT", origin: 0n, high: 9_999n, lost: [], ...symbol }, samples, (_, first, last) =>
      Effect.sync(() => {
        read.push(first)
        const ids = Array.from({ length: last - first + 1 }, (_, n) => first + n).filter((id) => !left.has(id))
        return { rows: ids.map((id) => ({ ...rowOf(id), ...changed.get(id) })), gaps: [], keptFrom: 0 }
      }),
    ).pipe(Effect.provide(history), Random.withSeed("market"))
  return { asked, read, left, changed, compare }
}

/** Serves the ids from `floor` to `newest`. */
const serving = (floor: number, newest: number, limitation?: string) => (from: number) =>
  pageOf("BTCUSDT", Math.max(floor, from), newest, limitation)

const unavailable = new RestError({ host: "exchange", status: 503, detail: "down" })

describe("compareSymbol", () => {
  it.effect("compares a whole symbol page by page, and nothing above its high", () =>
    Effect.gen(function* () {
      const { asked, compare } = market(serving(0, 20_000))
      const { compared, differing, lost, pages, pending, samples } = yield* compare({ high: 2_499n }, 10)
      assert.deepStrictEqual(asked, [0, 1_000, 2_000])
      assert.deepStrictEqual({ compared, pages, samples }, { compared: 2_500, pages: 3, samples: 3 })
      assert.deepStrictEqual([differing.count, lost.count, pending.length], [0, 0, 0])
    }),
  )

  it.effect("samples a longer one", () =>
    Effect.gen(function* () {
      const { asked, compare } = market(serving(0, 20_000))
      const { compared, pages, samples } = yield* compare({}, 4)
      assert.deepStrictEqual({ compared, pages, samples }, { compared: 4_000, pages: 4, samples: 4 })
      assert.strictEqual(asked[0], 0)
      assert.strictEqual(asked[3], 9_000)
    }),
  )

  it.effect("counts what is wrong on all pages, and keeps the first ten", () =>
    Effect.gen(function* () {
      const { changed, compare, left } = market(serving(0, 20_000))
      for (let id = 995; id < 1_025; id += 2) changed.set(id, { side: "BUY" })
      for (const id of [5, 1_500, 1_501]) left.add(id)
      const result = yield* compare({ high: 2_499n, lost: [{ first: 1_400n, last: 1_500n }] }, 10)
      assert.strictEqual(result.compared, 2_497)
      assert.strictEqual(result.differing.count, 15)
      assert.deepStrictEqual(
        result.differing.shown.map(({ told }) => told.id),
        [995, 997, 999, 1_001, 1_003, 1_005, 1_007, 1_009, 1_011, 1_013],
      )
      assert.deepStrictEqual(
        result.lost.shown.map(({ id }) => id),
        [5, 1_500, 1_501],
      )
      assert.strictEqual(result.newlyLost, 2)
    }),
  )

  it.effect("does not ask for pages below the oldest that is served", () =>
    Effect.gen(function* () {
      const { asked, compare } = market(serving(3_500, 20_000))
      const { compared, gone, pages } = yield* compare({}, 10)
      assert.deepStrictEqual(asked, [0, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000])
      assert.deepStrictEqual(gone, [{ first: 0n, last: 3_499n }])
      assert.deepStrictEqual({ compared, pages }, { compared: 6_500, pages: 7 })
    }),
  )

  it.effect("knows rows that the exchange lacks between the pages that it serves", () =>
    Effect.gen(function* () {
      const { compare } = market((from) => serving(from === 1_000 ? 1_003 : 0, 20_000)(from))
      const { gone, unknown } = yield* compare({ high: 2_999n }, 10)
      assert.deepStrictEqual(gone, [])
      assert.deepStrictEqual(unknown, { count: 3, shown: [rowOf(1_000), rowOf(1_001), rowOf(1_002)] })
    }),
  )

  it.effect("still asks for the pages above one of which the exchange has nothing, though it serves lower ones", () =>
    Effect.gen(function* () {
      const { asked, compare } = market((from) => serving(from === 1_000 ? 5_000 : 0, 20_000)(from))
      const { compared, gone, unknown } = yield* compare({ high: 2_999n }, 10)
      assert.deepStrictEqual(asked, [0, 1_000, 2_000])
      assert.deepStrictEqual([compared, gone.length, unknown.count], [2_000, 0, 1_000])
    }),
  )

  it.effect("compares what a host with the newest only has, and says why not more", () =>
    Effect.gen(function* () {
      const { asked, compare } = market(serving(9_100, 10_099, "only the newest"))
      const { compared, gone, limitation, limited } = yield* compare({}, 10)
      assert.deepStrictEqual(asked, [0, 9_000])
      assert.deepStrictEqual({ compared, gone, limitation }, { compared: 900, gone: [], limitation: "only the newest" })
      assert.deepStrictEqual(limited, [{ first: 0n, last: 9_099n }])
    }),
  )

  it.effect("says what a host did not serve, though it served later pages whole", () =>
    Effect.gen(function* () {
      const { compare } = market((from) =>
        from === 0 ? serving(500, 20_000, "only the newest")(from) : serving(0, 20_000)(from),
      )
      const { compared, limitation, limited } = yield* compare({ high: 1_999n }, 10)
      assert.deepStrictEqual([compared, limitation], [1_500, "only the newest"])
      assert.deepStrictEqual(limited, [{ first: 0n, last: 499n }])
    }),
  )

  it.effect("asks again for a page that failed, twice", () =>
    Effect.gen(function* () {
      const { asked, compare } = market((from, attempt) => (attempt < 3 ? unavailable : serving(0, 20_000)(from)))
      const fiber = yield* Effect.forkChild(compare({ high: 999n }, 10))
      yield* elapse("2 seconds")
      const { compared, failure } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(asked, [0, 0, 0])
      assert.deepStrictEqual([compared, failure], [1_000, undefined])
    }),
  )

  it.effect("keeps what it compared before the exchange failed", () =>
    Effect.gen(function* () {
      const { asked, compare } = market((from) => (from === 0 ? serving(0, 20_000)(from) : unavailable))
      const fiber = yield* Effect.forkChild(compare({}, 10))
      yield* elapse("2 seconds")
      const { compared, failure } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(asked, [0, 1_000, 1_000, 1_000])
      assert.deepStrictEqual([compared, failure], [1_000, unavailable])
    }),
  )

  it.effect("does not ask again where the exchange has answered", () =>
    Effect.gen(function* () {
      const unlisted = new RestError({ host: "exchange", status: 400, code: -1121, detail: "Invalid symbol." })
      const { asked, compare, read } = market(() => unlisted)
      assert.strictEqual((yield* compare({}, 10)).failure, unlisted)
      assert.deepStrictEqual([asked, read], [[0], []])
    }),
  )
})
