import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import type { Trade } from "../../src/market/Trade.ts"
import * as Database from "../../src/store/Database.ts"
import { type LatestPrice, LatestPrices } from "../../src/store/LatestPrices.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { tradeOf } from "../fixtures/trades.ts"
import type { WithDatabase } from "./WithDatabase.ts"

const HOUR = 3_600_000_000

const priceOf = ({ id, price, symbol, time }: Trade): LatestPrice => ({ symbol, price, id, time })

/** What the store tells of its commits, and what it finds of them later. */
export const latestPricesSuite = (
  withDatabase: WithDatabase,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
) => {
  const timeout = Duration.seconds(5)
  /** The latest prices of a run, and of one that begins now. */
  const test = (
    name: string,
    body: (prices: {
      readonly now: Effect.Effect<ReadonlyArray<LatestPrice>>
      readonly afterRestart: Effect.Effect<ReadonlyArray<LatestPrice>, never, SqlClient.SqlClient>
    }) => Effect.Effect<void, unknown, TradeStore | SqlClient.SqlClient>,
  ) =>
    it.live(name, () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const { all, committed } = yield* LatestPrices
          const afterRestart = Effect.flatMap(LatestPrices, ({ all }) => all).pipe(
            Effect.provide(Layer.fresh(LatestPrices.layer({ timeout }))),
          )
          yield* Effect.provide(
            body({ now: all, afterRestart }),
            TradeStore.layer({ timeout, market: "test", mostMissing: 1_000_000, onCommitted: committed }),
          )
        }).pipe(
          Effect.provide(
            LatestPrices.layer({ timeout }).pipe(
              Layer.provideMerge(Database.layer({ ...options(url), market: "test" })),
            ),
          ),
        ),
      ),
    )

  describe("the latest prices", () => {
    test("follow the commit, of the stream and of a repair alike, and outlive the process", ({ afterRestart, now }) =>
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        assert.deepStrictEqual(yield* afterRestart, [])
        const [btc, eth] = [
          tradeOf(12, { price: "0.00000001" }),
          tradeOf(7, { symbol: "ETHUSDT", price: "999999999999.99999999" }),
        ]
        yield* write([tradeOf(10), btc, tradeOf(9), eth])
        assert.deepStrictEqual(yield* now, [priceOf(btc), priceOf(eth)])
        // Filling a gap is no news, what follows the high is, whoever brings it.
        yield* repair([tradeOf(11)])
        assert.deepStrictEqual(yield* now, [priceOf(btc), priceOf(eth)])
        const next = tradeOf(8, { symbol: "ETHUSDT", time: tradeOf(0).time + 1 })
        yield* repair([next])
        yield* write([tradeOf(11), tradeOf(10)])
        assert.deepStrictEqual(yield* now, [priceOf(btc), priceOf(next)])
        assert.deepStrictEqual(yield* afterRestart, yield* now)
      }))

    test("are found in whatever chunk they lie", ({ afterRestart, now }) =>
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        const weeks = ["A", "B", "C", "D"].map((symbol, week) =>
          tradeOf(5, { symbol, price: `${week}.00000000`, time: tradeOf(0).time - week * 7 * 24 * HOUR }),
        )
        yield* write(weeks)
        yield* write(weeks.map((trade) => ({ ...trade, id: 6, time: trade.time + 30 * 24 * HOUR })))
        assert.deepStrictEqual(
          (yield* now).map(({ id }) => id),
          [6, 6, 6, 6],
        )
        assert.deepStrictEqual(yield* afterRestart, yield* now)
        // Of a ledger that knows another time than the row has, the row is right.
        const sql = yield* SqlClient.SqlClient
        yield* sql`UPDATE symbols SET high_time = high_time + interval '1 millisecond'`
        assert.deepStrictEqual(yield* afterRestart, yield* now)
      }))

    test("are never those of trades that are not stored", ({ afterRestart, now }) =>
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        const sql = yield* SqlClient.SqlClient
        yield* sql`ALTER TABLE raw_trades ADD CHECK (quantity <> 666)`
        yield* write([tradeOf(1), tradeOf(2), tradeOf(3, { price: "x" }), tradeOf(4, { quantity: "666.00000000" })])
        yield* write([tradeOf(1, { symbol: "ETHUSDT", price: "x" })])
        // Numbered anew: later than the high, with an id that is not above it.
        yield* write([tradeOf(3, { time: tradeOf(0).time + HOUR })])
        assert.deepStrictEqual(yield* now, [priceOf(tradeOf(2))])
        assert.deepStrictEqual(yield* afterRestart, yield* now)
        yield* repair([tradeOf(3), tradeOf(4, { quantity: "666.00000000" })])
        assert.deepStrictEqual(yield* now, [priceOf(tradeOf(3))])
        assert.deepStrictEqual(yield* afterRestart, yield* now)
      }))

    test("begin with nothing where the database does not tell, and say so", ({ afterRestart }) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.flatMap(TradeStore, ({ write }) => write([tradeOf(1)]))
        yield* sql`ALTER TABLE symbols RENAME TO elsewhere`
        assert.deepStrictEqual(yield* afterRestart, [])
      }))
  })
}
