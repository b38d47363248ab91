import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { completeness } from "../../src/store/completeness.ts"
import * as Database from "../../src/store/Database.ts"
import type { Flavour } from "../../src/store/Flavour.ts"
import { storedPage } from "../../src/store/storedPage.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { Upkeep, type UpkeepOptions } from "../../src/store/Upkeep.ts"
import { captures, hasCaptures, recordedTrades } from "../fixtures/recordedTrades.ts"
import { tradeOf } from "../fixtures/trades.ts"
import type { WithDatabase } from "./WithDatabase.ts"
import { wrongIds } from "./wrongIds.ts"

const DAY = 86_400_000
const WEEK = 7 * DAY
/** Nothing is so old that the database would compress it beside the test. */
const weeks = { retention: Duration.weeks(3), compressAfter: Duration.weeks(1_000) }

/** A trade of noon, or of so many seconds later, so many weeks ago: no chunk is longer than that. */
const ago = (weeks: number, id: number, symbol = "BTCUSDT", seconds = 0) => {
  const noon = Math.floor(Date.now() / DAY) * DAY + DAY / 2 - weeks * WEEK
  return tradeOf(id, { symbol, time: (noon + seconds * 1000) * 1000 })
}

const of = (symbol: string) =>
  Effect.map(completeness, (all) => all.find((one) => one.symbol === symbol) ?? assert.fail(`${symbol} is unknown`))

const stored = (symbol = "BTCUSDT") =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.map(
      sql<{ readonly id: bigint }>`SELECT trade_id AS id FROM raw_trades WHERE symbol = ${symbol} ORDER BY trade_id`,
      (rows) => rows.map(({ id }) => Number(id)),
    ),
  )

const keeping = (options: UpkeepOptions) =>
  Effect.flatMap(Upkeep, ({ once }) => once).pipe(Effect.provide(Upkeep.layer(options)))

/** The same once all candles are computed. */
const settled = (options: UpkeepOptions) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT refresh_candles(10000)`).pipe(
    Effect.andThen(keeping(options)),
  )

/** How long trades are kept, and how, on a real server. */
export const upkeepSuite = (
  withDatabase: WithDatabase,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
  flavour: Flavour["Service"]["name"],
) => {
  const store = (url: Redacted.Redacted<string>) =>
    TradeStore.layer({ timeout: Duration.seconds(20), market: "test", mostMissing: 1_000_000 }).pipe(
      Layer.provideMerge(Database.layer({ ...options(url), market: "test" })),
    )
  const test = (name: string, body: Effect.Effect<void, unknown, TradeStore | SqlClient.SqlClient | Flavour>) =>
    it.live(name, () => withDatabase((url) => Effect.provide(body, store(url))))

  describe("retention", () => {
    test(
      "drops whole days, and never makes what it dropped count as missing",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        yield* write([ago(6, 100), ago(6, 101), ago(6, 105), ago(5, 106), ago(4, 107), ago(4, 109)])
        yield* repair([{ ...ago(6, 102), price: "x" }])
        // A hole that begins beyond retention and ends within it, and one within it.
        yield* write([ago(3, 112), ago(2, 113), ago(1, 116), ago(0, 117)])
        yield* write([ago(6, 1, "ETHUSDT"), ago(5, 2, "ETHUSDT"), ago(0, 7, "SOLUSDT")])
        yield* settled(weeks)

        assert.deepStrictEqual(yield* stored(), [112, 113, 116, 117])
        assert.deepStrictEqual(yield* stored("ETHUSDT"), [])
        const cause = "not received"
        const btc = yield* of("BTCUSDT")
        assert.deepInclude(btc, { origin: 110n, high: 117n, rows: 4n, lost: [], contradicted: 0n, unfillable: [] })
        assert.deepStrictEqual(btc.open, [
          { first: 110n, last: 111n, cause, lastError: null },
          { first: 114n, last: 115n, cause, lastError: null },
        ])
        assert.deepInclude(yield* of("ETHUSDT"), { origin: 3n, high: 2n, frontier: 2n, rows: 0n, lost: [], open: [] })
        assert.deepInclude(yield* of("SOLUSDT"), { origin: 7n, high: 7n, rows: 1n, lost: [] })
        assert.strictEqual((yield* storedPage("BTCUSDT", 100, 120)).keptFrom, 110)
        const sql = yield* SqlClient.SqlClient
        const closed = yield* sql`
          SELECT first_id::int AS first, last_id::int AS last, cause, last_error AS why FROM trade_gaps
          WHERE state = 'unfillable' ORDER BY first_id`
        const why = "beyond RETENTION"
        assert.deepStrictEqual(closed, [
          {
            first: 102,
            last: 102,
            cause: "refused",
            why: "price x is not a number of at most 12 digits and 8 decimals",
          },
          { first: 103, last: 104, cause, why },
          { first: 108, last: 108, cause, why },
        ])
      }),
    )

    test(
      "takes nothing back of what it dropped, and drops what comes later of the days beyond it",
      Effect.gen(function* () {
        const { repair, write } = yield* TradeStore
        yield* write([ago(6, 100), ago(6, 103), ago(0, 110)])
        yield* repair([{ ...ago(6, 101), price: "x" }])
        yield* settled(weeks)
        assert.strictEqual((yield* repair([100, 101, 102, 103].map((id) => ago(6, id)))).stored, 0)
        // Of the hole that reaches into what is kept, nobody knows yet how old its trades are.
        const late = [104, 105, 106].map((id) => ago(6, id)).concat([107, 108, 109].map((id) => ago(1, id)))
        assert.strictEqual((yield* repair(late)).stored, 6)
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 104n, rows: 7n, open: [], lost: [], contradicted: 0n })
        yield* settled(weeks)
        assert.deepStrictEqual(yield* stored(), [107, 108, 109, 110])
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 107n, rows: 4n, open: [], lost: [], contradicted: 0n })
      }),
    )

    test(
      "records what came with a wrong time, and keeps the promise of the rest",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        yield* write([ago(6, 100), ago(1, 101), ago(9, 102), ago(9, 103), ago(2, 104), ago(9, 105), ago(1, 106)])
        yield* settled(weeks)
        assert.deepStrictEqual(yield* stored(), [101, 104, 106])
        const cause = "dropped"
        const lastError = "beyond RETENTION"
        assert.deepInclude(yield* of("BTCUSDT"), {
          origin: 101n,
          frontier: 106n,
          lost: [],
          contradicted: 0n,
          open: [],
          unfillable: [
            { first: 102n, last: 103n, cause, lastError },
            { first: 105n, last: 105n, cause, lastError },
          ],
        })
      }),
    )

    test(
      "waits for the candles of what it drops",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        const candles = sql`SELECT trades::int AS trades, is_final FROM candles WHERE interval = '1m' ORDER BY open_time`
        yield* write([ago(6, 1), ago(6, 2, "BTCUSDT", 1), ago(0, 3)])
        yield* keeping(weeks)
        assert.deepStrictEqual(yield* stored(), [1, 2, 3])
        yield* settled({ ...weeks, retention: Duration.weeks(9) })
        yield* write([ago(6, 4, "BTCUSDT", 2), ago(5, 5), ago(0, 6, "BTCUSDT", 1)])
        yield* keeping(weeks)
        assert.deepStrictEqual(yield* stored(), [1, 2, 3, 4, 5, 6])
        yield* settled(weeks)
        assert.deepStrictEqual(yield* stored(), [3, 6])
        assert.deepStrictEqual(
          (yield* candles).map(({ trades }) => trades),
          [3, 1, 2],
        )
      }),
    )

    it.live.skipIf(!hasCaptures)("drops recorded trades that are older, and leaves their candles", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const { write } = yield* TradeStore
          const all = sql`SELECT count(*)::int AS candles, sum(trades)::int AS trades FROM candles WHERE interval = '1m'`
          for (const capture of captures) yield* write(recordedTrades(capture))
          yield* settled({ ...weeks, retention: Duration.days(36_500) })
          const before = yield* all
          assert.deepInclude(before[0], { trades: 9_757 + 6_106 })
          yield* settled(weeks)
          for (const { symbol } of captures) {
            assert.deepStrictEqual(yield* stored(symbol), [])
            assert.deepInclude(yield* of(symbol), { rows: 0n, lost: [], open: [], contradicted: 0n })
          }
          yield* sql`SELECT refresh_candles(10000)`
          assert.deepStrictEqual(yield* all, before)
        }).pipe(Effect.provide(store(url))),
      ),
    )

    test(
      "is not held up by a trade of long ago that came with a time of now",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        const kept = [0, 1, 2].map((id) => ago(0, 500_000 + id, "BTCUSDT", id))
        yield* write([ago(6, 100), ago(0, 101, "BTCUSDT", -1), ago(6, 102), ago(6, 103)])
        yield* write(kept)
        yield* settled(weeks)
        assert.deepStrictEqual(yield* stored(), [101, 500_000, 500_001, 500_002])
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 104n, rows: 3n, lost: [], contradicted: 0n, unfillable: [] })
      }),
    )

    test(
      "drops trades of years ago as a whole, and the next ones follow",
      Effect.gen(function* () {
        const { write } = yield* TradeStore
        const recorded = (id: number) => tradeOf(id, { time: Date.UTC(2024, 7, 8, 12) * 1000 + id })
        yield* write([1, 2, 3].map(recorded))
        yield* settled({ ...weeks, retention: Duration.days(36_500) })
        assert.deepStrictEqual(yield* stored(), [1, 2, 3])
        yield* settled({ ...weeks, retention: Duration.days(730) })
        assert.deepStrictEqual(yield* stored(), [])
        assert.strictEqual((yield* write([ago(0, 4), ago(0, 6)])).stored, 2)
        assert.deepInclude(yield* of("BTCUSDT"), {
          origin: 4n,
          high: 6n,
          frontier: 4n,
          rows: 2n,
          lost: [],
          contradicted: 0n,
        })
      }),
    )

    test(
      "is seen as a whole or not at all by whoever compares rows and ledger meanwhile",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([ago(0, 1), ago(0, 2), ago(0, 3)])
        const waits = sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'raw_trades'::regclass`
        const dropped = yield* Deferred.make<void>()
        const compared = yield* Effect.forkScoped(Effect.andThen(Deferred.await(dropped), of("BTCUSDT")))
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`UPDATE symbols SET kept_from_id = 4`
            yield* sql`TRUNCATE raw_trades`
            yield* Deferred.succeed(dropped, undefined)
            yield* Effect.repeat(waits, { until: (rows) => rows.length > 0 })
          }),
        )
        assert.deepInclude(yield* Fiber.join(compared), { origin: 4n, high: 3n, rows: 0n, lost: [] })
      }).pipe(Effect.scoped),
    )

    test(
      "gives way to a query that takes long, so that commits do not wait, and is made up for later",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([ago(6, 1), ago(0, 2)])
        yield* settled({ ...weeks, retention: Duration.weeks(9) })
        const reading = yield* Deferred.make<void>()
        const end = yield* Deferred.make<void>()
        const query = yield* sql
          .withTransaction(
            Effect.andThen(
              sql`SELECT count(*) FROM raw_trades`,
              Effect.andThen(Deferred.succeed(reading, undefined), Deferred.await(end)),
            ),
          )
          .pipe(Effect.forkScoped)
        yield* Deferred.await(reading)
        const error = yield* Effect.flip(settled(weeks))
        assert.include(error.message, "lock timeout")
        assert.strictEqual((yield* write([ago(0, 3)])).stored, 1)
        // What is promised no more may be there still.
        assert.deepStrictEqual(yield* stored(), [1, 2, 3])
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 2n, rows: 2n, lost: [], contradicted: 0n })
        yield* Deferred.succeed(end, undefined)
        yield* Fiber.join(query)
        yield* settled(weeks)
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 2n, rows: 2n, lost: [] })
      }).pipe(Effect.scoped),
    )
  })

  describe("retention beside writers", () => {
    test(
      "drops no trade that comes while it waits to drop its neighbours",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([ago(40, 1), ago(0, 2)])
        // Somebody reads: what is promised moves, and the rows stay.
        const reading = yield* Deferred.make<void>()
        const tried = yield* Deferred.make<void>()
        const reader = yield* sql
          .withTransaction(
            sql`LOCK TABLE raw_trades IN ACCESS SHARE MODE`.pipe(
              Effect.andThen(Deferred.succeed(reading, undefined)),
              Effect.andThen(Deferred.await(tried)),
            ),
          )
          .pipe(Effect.forkScoped)
        yield* Deferred.await(reading)
        assert.include((yield* Effect.flip(settled(weeks))).message, "lock timeout")
        yield* Deferred.succeed(tried, undefined)
        yield* Fiber.join(reader)
        const waits = sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'raw_trades'::regclass`
        const written = yield* Deferred.make<void>()
        const dropping = yield* Effect.forkScoped(Effect.andThen(Deferred.await(written), settled(weeks)))
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* write([ago(40, 3), ago(0, 4)])
            yield* Deferred.succeed(written, undefined)
            yield* Effect.repeat(waits, { until: (rows) => rows.length > 0 })
          }),
        )
        yield* Fiber.join(dropping)
        assert.deepStrictEqual(yield* stored(), [1, 2, 3, 4])
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 2n, rows: 3n, lost: [], contradicted: 0n })
        yield* settled(weeks)
        assert.deepStrictEqual(yield* stored(), [2, 4])
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 2n, rows: 2n, lost: [], contradicted: 0n })
      }).pipe(Effect.scoped),
    )

    test(
      "drops none of a symbol that is new meanwhile",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { write } = yield* TradeStore
        yield* write([ago(40, 1), ago(0, 2)])
        const waits = sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'raw_trades'::regclass`
        const written = yield* Deferred.make<void>()
        const dropping = yield* Effect.forkScoped(Effect.andThen(Deferred.await(written), settled(weeks)))
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* write([ago(40, 3, "SOLUSDT")])
            yield* Deferred.succeed(written, undefined)
            yield* Effect.repeat(waits, { until: (rows) => rows.length > 0 })
          }),
        )
        yield* Fiber.join(dropping)
        assert.deepInclude(yield* of("SOLUSDT"), { origin: 3n, rows: 1n, lost: [] })
        yield* settled(weeks)
        assert.deepInclude(yield* of("SOLUSDT"), { origin: 4n, high: 3n, rows: 0n, lost: [] })
      }).pipe(Effect.scoped),
    )
  })

  describe.skipIf(flavour !== "timescaledb-community")("compression", () => {
    test(
      "follows a changed setting",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const policy = sql`
          SELECT job_id, extract(epoch FROM (config ->> 'compress_after')::interval)::int AS age FROM timescaledb_information.jobs
          WHERE proc_name = 'policy_compression'`
        yield* settled(weeks)
        const first = yield* policy
        assert.deepStrictEqual(
          first.map(({ age }) => age),
          [604_800_000],
        )
        yield* settled(weeks)
        assert.deepStrictEqual(yield* policy, first)
        yield* settled({ ...weeks, compressAfter: Duration.days(7) })
        assert.deepStrictEqual(
          (yield* policy).map(({ age }) => age),
          [604_800],
        )
      }),
    )

    test(
      "keeps every commit and repair exact",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { repair, write } = yield* TradeStore
        const all = Array.from({ length: 4_000 }, (_, n) => ago(n < 2_000 ? 3 : 2, n, "BTCUSDT", n))
        yield* write(all.filter(({ id }) => (id < 500 || id >= 1_500) && id !== 2_500))
        const read = sql`SELECT to_jsonb(raw_trades) AS row FROM raw_trades ORDER BY trade_id`
        const before = yield* read
        yield* sql`SELECT compress_chunk(chunk) FROM show_chunks('raw_trades') AS chunk`
        assert.deepStrictEqual(yield* read, before)
        // Pages overlap what is there, and each other.
        const pages = [all.slice(400, 1_400), all.slice(900, 1_900), all.slice(2_400, 2_600)]
        const written = yield* Effect.forEach(pages, (page) => repair(page), { concurrency: "unbounded" })
        assert.strictEqual(
          written.reduce((sum, { stored }) => sum + stored, 0),
          1_001,
        )
        assert.strictEqual((yield* repair(all)).stored, 0)
        const [counted] = yield* sql`
          SELECT count(*)::int AS rows, count(DISTINCT trade_id)::int AS ids, min(trade_id)::int AS first, max(trade_id)::int AS last
          FROM raw_trades`
        assert.deepStrictEqual(counted, { rows: 4_000, ids: 4_000, first: 0, last: 3_999 })
        const wrong = yield* sql`
          SELECT FROM raw_trades WHERE extract(epoch FROM timestamp) * 1000 <> trade_id * 1000 + ${BigInt(all[0]!.time / 1000)}
            - CASE WHEN trade_id < 2000 THEN 0 ELSE -${BigInt(WEEK)}::bigint END`
        assert.deepStrictEqual(wrong, [])
        assert.deepStrictEqual(yield* wrongIds(sql), [])
        yield* sql`SELECT compress_chunk(chunk) FROM show_chunks('raw_trades') AS chunk`
        assert.deepInclude(yield* of("BTCUSDT"), { rows: 4_000n, duplicates: 0n, open: [], lost: [], contradicted: 0n })
        // Retention drops compressed days as it does others.
        yield* settled({ ...weeks, retention: Duration.weeks(2) })
        assert.deepInclude(yield* of("BTCUSDT"), { origin: 2_000n, rows: 2_000n, lost: [], contradicted: 0n })
      }),
    )
  })
}
