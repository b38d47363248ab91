import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { INTERVALS } from "../../src/market/Candle.ts"
import { CandleStore } from "../../src/store/CandleStore.ts"
import * as Database from "../../src/store/Database.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { foldCandles } from "../fixtures/foldCandles.ts"
import { captures, hasCaptures, recordedTrades } from "../fixtures/recordedTrades.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { assertCandles, storedCandles } from "./storedCandles.ts"

type Services = CandleStore | GapLedger | SqlClient.SqlClient | TradeStore

const timeout = Duration.seconds(20)

/** Noon of a day, in microseconds. */
const NOON = 1_790_942_400_000_000
const MINUTE = 60_000_000

/** A trade so many minutes after noon. */
const at = (id: number, minutes: number, fields: Parameters<typeof tradeOf>[1] = {}) =>
  tradeOf(id, { time: NOON + minutes * MINUTE, ...fields })

/** What candles are, on a real server. */
export const candleSuite = (
  withDatabase: <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E>) => Effect.Effect<A, E>,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
) => {
  const services = (url: Redacted.Redacted<string>) =>
    Layer.mergeAll(
      TradeStore.layer({ timeout, market: "test", mostMissing: 2 ** 53 }),
      GapLedger.layer({ timeout }),
      CandleStore.layer({ timeout }),
    ).pipe(Layer.provideMerge(Database.layer({ ...options(url), market: "test" })))
  const test = (name: string, body: Effect.Effect<void, unknown, Services>) =>
    it.live(name, () => withDatabase((url) => Effect.provide(body, services(url))))

  const refresh = Effect.flatMap(CandleStore, (candles) => candles.refresh)

  /** The opening minutes of the one-minute candles that are marked so. */
  const minutesThat = (mark: "isFinal" | "isPartial" | "revised", interval = "1m") =>
    Effect.map(storedCandles, (all) =>
      all
        .filter((candle) => candle.interval === interval && candle[mark])
        .map(({ openTime }) => (openTime - NOON) / MINUTE),
    )

  describe("candles", () => {
    test(
      "open and close by id where trades share an instant, and cut each trade's quote volume to 8 decimals",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        const prices = ["3.00000000", "1.00000000", "9.00000000", "0.00000003"]
        // The last ids of a minute come first: nothing but the id tells which is the open.
        for (const half of [
          [2, 3],
          [0, 1],
        ])
          yield* write(
            half.map((id) =>
              at(id, 0, { price: prices[id] ?? "", quantity: "0.50000000", side: id === 1 ? "BUY" : "SELL" }),
            ),
          )
        yield* refresh
        const [candle] = yield* (yield* CandleStore).last("BTCUSDT", "1m", 1)
        assert.deepStrictEqual(candle, {
          symbol: "BTCUSDT", interval: "1m", openTime: NOON, open: "9.00000000", high: "9.00000000", low: "0.00000003",
          close: "0.00000003", volume: "1.00000000", quoteVolume: "4.50000001", trades: 2, takerBuyVolume: "0.00000000",
          takerBuyQuoteVolume: "0.00000000", firstId: 2, lastId: 3, isFinal: false, isPartial: true, revisedAt: undefined,
        }) // prettier-ignore
        yield* assertCandles
      }),
    )

    test(
      "hold trades whose times go back while their ids go on",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        yield* write([at(0, 0)])
        yield* refresh
        yield* write([at(1, 0.5), at(2, 0.25), at(3, 1)])
        yield* refresh
        assert.deepStrictEqual(
          (yield* assertCandles).filter(({ interval }) => interval === "1m").map(({ trades }) => trades),
          [3, 1],
        )
      }),
    )

    test(
      "are final once a later trade is stored and no id that may belong to them is still to be had",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        yield* write([at(0, 0), at(1, 1), at(2, 1)])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0])
        // Ids 3 to 6 may be of any minute from 1 to 5.
        yield* write([at(7, 5), at(8, 6), at(9, 20)])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0, 6])
        assert.deepStrictEqual(yield* minutesThat("isFinal", "15m"), [])
        yield* repair([at(5, 4), at(6, 5)])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0, 5, 6])
        assert.strictEqual(yield* (yield* GapLedger).unfillable("BTCUSDT", 3, 4, "for the test"), 2)
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0, 1, 4, 5, 6])
        assert.deepStrictEqual(yield* minutesThat("isFinal", "15m"), [0])
        assert.deepStrictEqual(yield* minutesThat("revised"), [])
        yield* assertCandles
      }),
    )

    test(
      "are not final while an id among their trades is missing, though times go back over their edges",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        yield* write([at(0, 0), at(1, 1), at(4, 1), at(5, 0), at(6, 1), at(8, 3), at(9, 4), at(10, 3), at(11, 6)])
        yield* refresh
        // Ids 2 and 3 may be of minutes 0 and 1, though both hold id 5 or later; 7 of all from 1 to 3.
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [4])
        yield* repair([at(2, 1), at(3, 1)])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0, 4])
        yield* repair([at(7, 2)])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0, 1, 2, 3, 4])
        assert.deepStrictEqual(yield* minutesThat("revised"), [])
        yield* assertCandles
      }),
    )

    test(
      "are not final while one of their minutes is still to be computed",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([at(0, 0), at(1, 1), at(2, 6)])
        // The newest minutes first: that of trade 0 is left.
        yield* sql`SELECT refresh_candles(2)`
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [1])
        assert.deepStrictEqual(yield* minutesThat("isFinal", "5m"), [])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal", "5m"), [0])
        assert.deepStrictEqual(yield* minutesThat("revised", "5m"), [])
        yield* assertCandles
      }),
    )

    test(
      "are revised when they were final and their numbers change, at every length",
      Effect.gen(function* () {
        const { repair } = yield* TradeStore
        yield* repair([
          at(0, 0),
          at(1, 1),
          at(2, 2, { price: "1.123456789" }),
          at(3, 2),
          at(4, 6),
          at(5, 1441),
          at(6, 2880),
        ])
        yield* refresh
        assert.deepStrictEqual(yield* minutesThat("isFinal"), [0, 1, 2, 6, 1441])
        yield* repair([at(2, 2)])
        yield* refresh
        for (const [interval, minutes] of [
          ["1m", 2],
          ["5m", 0],
          ["15m", 0],
          ["1h", 0],
          ["4h", 0],
          ["1d", -720],
        ] as const) {
          assert.deepStrictEqual(yield* minutesThat("revised", interval), [minutes])
          assert.include(yield* minutesThat("isFinal", interval), minutes)
        }
        const [revised] = yield* (yield* CandleStore).between("BTCUSDT", "1m", NOON + 2 * MINUTE, NOON + 2 * MINUTE)
        assert.closeTo(revised?.revisedAt ?? 0, Date.now(), 60_000)
        yield* assertCandles
      }),
    )

    test(
      "are partial where a symbol begins, unless it begins with its trade 0",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        yield* write([at(7, 0), at(8, 1), at(0, 0, { symbol: "NEW" }), at(1, 1, { symbol: "NEW" })])
        yield* refresh
        const partial = (yield* storedCandles).filter(({ isPartial }) => isPartial)
        assert.deepStrictEqual(
          partial.map(({ firstId, interval, symbol }) => [symbol, interval, firstId]),
          [...INTERVALS].sort().map((interval) => ["BTCUSDT", interval, 7]),
        )
        yield* assertCandles
      }),
    )

    test(
      "are flat at the close before where nothing was traded, and final there once no id between is to be had",
      Effect.gen(function* () {
        const { between, last } = yield* CandleStore
        const { repair, write } = yield* TradeStore
        assert.deepStrictEqual(yield* last("BTCUSDT", "1m", 5), [])
        yield* write([at(0, 0, { price: "2.00000000" }), at(1, 3, { price: "5.00000000" }), at(3, 5), at(4, 7)])
        yield* refresh
        const nothing = { volume: "0.00000000", quoteVolume: "0.00000000", trades: 0, firstId: -1, lastId: -1 }
        const flat = (price: string) => ({ ...nothing, open: price, high: price, low: price, close: price })
        const minutes = yield* last("BTCUSDT", "1m", 100)
        assert.deepStrictEqual(
          minutes.map(({ isFinal, openTime, trades }) => [(openTime - NOON) / MINUTE, trades, isFinal]),
          [[0, 1, true], [1, 0, true], [2, 0, true], [3, 1, false], [4, 0, false], [5, 1, false], [6, 0, true], [7, 1, false]],
        ) // prettier-ignore
        assert.deepInclude(minutes[2], {
          ...flat("2.00000000"),
          takerBuyVolume: "0.00000000",
          takerBuyQuoteVolume: "0.00000000",
        })
        assert.deepInclude(minutes[4], flat("5.00000000"))
        assert.deepStrictEqual(yield* last("BTCUSDT", "1m", 3), minutes.slice(-3))
        assert.deepStrictEqual(yield* between("BTCUSDT", "1m", NOON + 1, NOON + 4 * MINUTE), minutes.slice(1, 5))
        assert.deepStrictEqual(yield* between("BTCUSDT", "1m", 0, 4e15), minutes)
        assert.lengthOf(yield* between("BTCUSDT", "1d", 0, 4e15), 1)
        // It is the trade of minute 4 that was missing: until it is in a candle, minute 4 is not said to be empty.
        yield* repair([at(2, 4)])
        assert.isFalse((yield* last("BTCUSDT", "1m", 4))[0]?.isFinal)
        yield* refresh
        assert.deepInclude((yield* last("BTCUSDT", "1m", 4))[0], { trades: 1, isFinal: true })
      }),
    )

    test(
      "are written where trades were stored, and nowhere else",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { repair, write } = yield* TradeStore
        const both = (id: number, minutes: number) => [at(id, minutes), at(id, minutes, { symbol: "ETHUSDT" })]
        yield* write([0, 1, 2, 4, 5, 6].flatMap((id) => both(id, id * 7)))
        yield* refresh
        const versions = sql<{ key: string; version: string }>`
          SELECT concat_ws(' ', symbol, interval, open_time) AS key, xmin::text AS version FROM candles WHERE is_final`
        const before = new Map((yield* versions).map(({ key, version }) => [key, version]))
        // A trade that is there already, and a repaired one.
        assert.deepInclude(yield* repair([at(1, 7), at(3, 21)]), { stored: 1, duplicate: 1 })
        assert.strictEqual(yield* refresh, 1)
        const rewritten = (yield* versions).filter(({ key, version }) => before.has(key) && before.get(key) !== version)
        assert.deepStrictEqual(rewritten, [])
        assert.strictEqual(yield* refresh, 0)
        yield* assertCandles
      }),
    )

    test(
      "lose nothing when a refresh dies, or two run at once while trades come",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([at(0, 0), at(1, 1)])
        yield* Effect.flip(sql.withTransaction(Effect.andThen(refresh, Effect.fail("killed"))))
        assert.deepStrictEqual(yield* storedCandles, [])
        const killed = sql.withTransaction(Effect.andThen(refresh, sql`SELECT pg_terminate_backend(pg_backend_pid())`))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(killed)))
        assert.deepStrictEqual(yield* storedCandles, [])
        yield* Effect.all([refresh, refresh], { concurrency: "unbounded" })
        yield* assertCandles
        const writer = (symbol: string) =>
          Effect.forEach(
            Array.from({ length: 40 }, (_, n) => n),
            (n) => write([0, 1, 2, 3, 4].map((id) => at(n * 5 + id + 2, 1 + n / 8, { symbol }))),
            { discard: true },
          )
        const refresher = Effect.repeat(refresh, { times: 30 })
        yield* Effect.all([writer("BTCUSDT"), writer("ETHUSDT"), refresher, refresher], { concurrency: "unbounded" })
        yield* refresh
        yield* assertCandles
      }),
    )

    it.live.skipIf(!hasCaptures)("of recorded trades equal an independent fold", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const { write } = yield* TradeStore
          for (const capture of captures) {
            const { symbol } = capture
            const trades = recordedTrades(capture)
            for (let from = 0; from < trades.length; from += 700) {
              yield* write(trades.slice(from, from + 700))
              yield* refresh
            }
            for (const interval of INTERVALS) {
              const stored = (yield* storedCandles).filter(
                (candle) => candle.symbol === symbol && candle.interval === interval,
              )
              const folded = foldCandles(symbol, interval, trades)
              assert.lengthOf(stored, folded.length)
              folded.forEach((numbers, index) => assert.deepInclude(stored[index], numbers))
            }
          }
        }).pipe(Effect.provide(services(url))),
      ),
    )
  })
}
