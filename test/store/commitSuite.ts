import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { commitTrades } from "../../src/store/commitTrades.ts"
import * as Database from "../../src/store/Database.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { wrongIds } from "./wrongIds.ts"

/** Ids of one hole that are worth filling. */
const MOST_MISSING = 10

const ids = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

/** What a commit makes of holes, runs and ids that go back, on a real server. */
export const commitSuite = (
  withDatabase: <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E>) => Effect.Effect<A, E>,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
) => {
  const timeout = Duration.seconds(5)
  const test = (name: string, body: Effect.Effect<void, unknown, TradeStore | GapLedger | SqlClient.SqlClient>) =>
    it.live(name, () =>
      withDatabase((url) =>
        Effect.provide(
          body,
          Layer.mergeAll(
            TradeStore.layer({ timeout, market: "test", mostMissing: MOST_MISSING }),
            GapLedger.layer({ timeout }),
          ).pipe(Layer.provideMerge(Database.layer({ ...options(url), market: "test" }))),
        ),
      ),
    )

  const gaps = Effect.flatMap(
    SqlClient.SqlClient,
    (sql) =>
      sql`SELECT first_id::int AS first, last_id::int AS last, state, last_error AS why FROM trade_gaps ORDER BY first_id, last_id DESC`,
  )
  const nothingWrong = Effect.gen(function* () {
    assert.deepStrictEqual(yield* wrongIds(yield* SqlClient.SqlClient), [])
  })

  describe("a commit", () => {
    test(
      "stores runs of several symbols that follow, and those that do not, alike",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        const both = (first: number, last: number) =>
          ids(first, last).flatMap((id) => [tradeOf(id), tradeOf(id, { symbol: "ETHUSDT" })])
        const whole = { duplicate: 0, quarantined: 0, opened: 0 }
        assert.deepStrictEqual(yield* write(both(1, 50)), { stored: 100, ...whole })
        assert.deepStrictEqual(yield* write(both(51, 100)), { stored: 100, ...whole })
        // One symbol follows, the other leaves a hole.
        assert.deepStrictEqual(yield* write([tradeOf(101), tradeOf(103, { symbol: "ETHUSDT" })]), {
          stored: 2,
          ...whole,
          opened: 1,
        })
        // As long as it should be, but with one id twice and another left out.
        assert.deepStrictEqual(yield* write([102, 103, 103, 105].map((id) => tradeOf(id))), {
          stored: 3,
          duplicate: 1,
          quarantined: 0,
          opened: 1,
        })
        assert.deepStrictEqual(yield* gaps, [
          { first: 101, last: 102, state: "open", why: null },
          { first: 104, last: 104, state: "open", why: null },
        ])
        yield* nothingWrong
      }),
    )

    test(
      "takes an id once when a symbol comes in two runs that both follow",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const trades = [tradeOf(1), tradeOf(2), tradeOf(1, { symbol: "ETHUSDT" }), tradeOf(1), tradeOf(2), tradeOf(3)]
        const committed = yield* commitTrades(
          sql,
          { market: "test", mostMissing: MOST_MISSING },
          { origin: "stream", unwanted: [], trades },
        )
        assert.deepStrictEqual(committed, { stored: 4, opened: 0, regressed: [] })
        yield* nothingWrong
      }),
    )

    test(
      "fills a gap run by run: at its ends, in its middle and whole, and notes the minutes of each",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        const sql = yield* SqlClient.SqlClient
        const minute = 60_000_000
        // Three ids a minute.
        const at = (id: number) => tradeOf(id, { time: 1_790_942_400_000_000 + id * (minute / 3) })
        const all = (first: number, last: number) => ids(first, last).map(at)
        yield* write([at(0), at(11)])
        yield* sql`UPDATE trade_gaps SET attempts = 3, last_error = 'before'`
        yield* sql`DELETE FROM candle_changes`
        assert.deepInclude(yield* repair(all(1, 2)), { stored: 2, duplicate: 0 })
        assert.deepInclude(yield* repair(all(9, 10)), { stored: 2, duplicate: 0 })
        assert.deepInclude(yield* repair(all(4, 6)), { stored: 3, duplicate: 0 })
        assert.deepStrictEqual(yield* gaps, [
          { first: 1, last: 2, state: "filled", why: null },
          { first: 3, last: 3, state: "open", why: "before" },
          { first: 4, last: 6, state: "filled", why: null },
          { first: 7, last: 8, state: "open", why: "before" },
          { first: 9, last: 10, state: "filled", why: null },
        ])
        assert.deepStrictEqual(yield* sql`SELECT DISTINCT attempts FROM trade_gaps`, [{ attempts: 3 }])
        yield* nothingWrong
        assert.deepStrictEqual(
          yield* sql`SELECT (extract(epoch FROM minute)::int8 - 1790942400)::int / 60 AS minute, first_id::int AS first,
            (extract(epoch FROM first_time) * 1000000)::int8 AS time FROM candle_changes ORDER BY first_id`,
          [1, 4, 6, 9].map((id) => ({ minute: Math.floor(id / 3), first: id, time: BigInt(at(id).time) })),
        )
        // Beside what is missing what is there already, before it and behind it.
        assert.deepInclude(yield* repair(all(2, 3)), { stored: 1, duplicate: 1 })
        const cut = tradeOf(9, { time: at(9).time - 1 })
        assert.deepInclude(yield* repair([...all(7, 8), cut]), { stored: 2, duplicate: 1 })
        assert.deepStrictEqual(
          (yield* gaps).filter(({ state }) => state !== "filled"),
          [],
        )
        assert.deepStrictEqual(yield* repair(all(1, 10)), { stored: 0, duplicate: 10, quarantined: 0, opened: 0 })
        yield* nothingWrong
      }),
    )

    test(
      "takes each id of a gap once, whatever the order and the times of a page are",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        const sql = yield* SqlClient.SqlClient
        yield* write([tradeOf(0), tradeOf(9)])
        const committed = yield* commitTrades(
          sql,
          { market: "test", mostMissing: MOST_MISSING },
          { origin: "history", unwanted: [], trades: [tradeOf(2), tradeOf(1), tradeOf(1), tradeOf(2)] },
        )
        assert.deepStrictEqual(committed, { stored: 2, opened: 0, regressed: [] })
        // An id between them is left out, and the times fall.
        const time = tradeOf(9).time
        assert.deepInclude(yield* repair([tradeOf(3, { time }), tradeOf(5, { time: time - 60_000_000 })]), {
          stored: 2,
        })
        assert.deepStrictEqual(
          (yield* gaps).filter(({ state }) => state === "open"),
          [
            { first: 4, last: 4, state: "open", why: null },
            { first: 6, last: 8, state: "open", why: null },
          ],
        )
        yield* nothingWrong
        yield* sql`DELETE FROM candle_changes`
        assert.deepInclude(yield* repair([tradeOf(6, { time }), tradeOf(7, { time: time - 1_000 })]), { stored: 2 })
        yield* nothingWrong
        const [note] =
          yield* sql`SELECT (extract(epoch FROM min(first_time)) * 1000000)::int8 AS time FROM candle_changes`
        assert.deepStrictEqual(note, { time: BigInt(time - 1_000) })
        assert.strictEqual((yield* sql`SELECT FROM raw_trades`).length, 8)
      }),
    )

    test(
      "has the newest ids of a hole fetched, as many as CATCH_UP_MAX says, and gives the others up",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        yield* write([tradeOf(1)])
        assert.strictEqual((yield* write([tradeOf(30)])).opened, 1)
        assert.strictEqual((yield* write([tradeOf(41)])).opened, 1)
        assert.deepStrictEqual(yield* gaps, [
          { first: 2, last: 19, state: "unfillable", why: "More than CATCH_UP_MAX=10 ids were missing at once." },
          { first: 20, last: 29, state: "open", why: null },
          { first: 31, last: 40, state: "open", why: null },
        ])
        yield* nothingWrong
      }),
    )

    test(
      "gives up the hole behind the high of a symbol where nobody wants it, and no other",
      Effect.gen(function* () {
        const { highs } = yield* GapLedger
        const { write } = yield* TradeStore
        yield* write([tradeOf(1), tradeOf(1, { symbol: "ETHUSDT" })])
        assert.deepStrictEqual([...(yield* highs(["BTCUSDT", "SOLUSDT"]))], [["BTCUSDT", 1]])
        const batch = [tradeOf(30), tradeOf(33), tradeOf(3, { symbol: "ETHUSDT" })]
        assert.strictEqual((yield* write(batch, { unwanted: ["BTCUSDT"] })).opened, 2)
        assert.deepStrictEqual(yield* gaps, [
          { first: 2, last: 29, state: "unfillable", why: "CATCH_UP=false" },
          { first: 2, last: 2, state: "open", why: null },
          { first: 31, last: 32, state: "open", why: null },
        ])
        yield* nothingWrong
      }),
    )

    test(
      "stores a trade that comes although its id was given up, and leaves the ids beside it as they were",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        yield* write([tradeOf(1)])
        yield* write([tradeOf(10)], { unwanted: ["BTCUSDT"] })
        assert.strictEqual((yield* write([tradeOf(5), tradeOf(6)])).stored, 2)
        const why = "CATCH_UP=false"
        assert.deepStrictEqual(yield* gaps, [
          { first: 2, last: 4, state: "unfillable", why },
          { first: 5, last: 6, state: "filled", why: null },
          { first: 7, last: 9, state: "unfillable", why },
        ])
        // But none that may be another one: it is later than those behind it.
        const late = tradeOf(7, { time: tradeOf(10).time + 60_000_000 })
        assert.deepInclude(yield* write([late]), { stored: 0, quarantined: 1 })
        yield* nothingWrong
      }),
    )

    test(
      "fills a gap with a trade that is later than those behind it only when the exchange was asked for it",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        yield* write([tradeOf(1), tradeOf(5)])
        const late = tradeOf(2, { time: tradeOf(5).time + 60_000_000 })
        const rest = { duplicate: 0, opened: 0 }
        assert.deepStrictEqual(yield* write([late, tradeOf(3)]), { stored: 1, quarantined: 1, ...rest })
        assert.deepStrictEqual(yield* repair([late]), { stored: 1, quarantined: 0, ...rest })
        yield* nothingWrong
      }),
    )

    test(
      "moves the frontier, which tells until when everything is there",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        const at = (id: number) => tradeOf(id, { time: 1_791_019_853_000_000 + id * 1_000_000 })
        yield* write([at(1), at(2), at(6), at(9)])
        const behind = {
          symbol: "BTCUSDT", high: 9, highTime: 1_791_019_862_000, frontier: 2, frontierTime: 1_791_019_855_000,
          gaps: 2, filling: 0, missing: 5, unfillable: 0,
        } // prettier-ignore
        const { noticed: _, ...rest } = yield* ledgerOf
        assert.deepStrictEqual(rest, behind)
        // Beyond ids that cannot be had, the newest that is stored tells the time.
        yield* (yield* GapLedger).unfillable("BTCUSDT", 3, 4, "for the test")
        assert.deepInclude(yield* ledgerOf, { frontier: 4, frontierTime: 1_791_019_855_000, missing: 3 })
        yield* repair([at(5)])
        yield* (yield* GapLedger).unfillable("BTCUSDT", 7, 7, "for the test")
        assert.deepInclude(yield* ledgerOf, { frontier: 7, frontierTime: 1_791_019_859_000, missing: 1 })
        yield* repair([at(8)])
        assert.deepStrictEqual(yield* ledgerOf, {
          symbol: "BTCUSDT", high: 9, highTime: 1_791_019_862_000, frontier: 9, frontierTime: 1_791_019_862_000,
          noticed: undefined, gaps: 0, filling: 0, missing: 0, unfillable: 3,
        }) // prettier-ignore
      }),
    )

    test(
      "tells when the first hole was noticed that may still be filled, also where the frontier has no row",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* (yield* TradeStore).write([1, 3, 5, 7].map((id) => tradeOf(id)))
        yield* (yield* GapLedger).unfillable("BTCUSDT", 2, 2, "for the test")
        yield* sql`UPDATE trade_gaps SET noticed_at = timestamptz 'epoch' + first_id * interval '1000 seconds'`
        yield* sql`DELETE FROM raw_trades WHERE trade_id = 3`
        assert.deepInclude(yield* ledgerOf, { frontier: 3, frontierTime: undefined, noticed: 4_000_000, missing: 2 })
      }),
    )
  })

  const ledgerOf = Effect.gen(function* () {
    const [frontier] = yield* (yield* GapLedger).frontiers
    return frontier ?? assert.fail("The ledger knows no symbol")
  })
}
