import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Console, Duration, Effect, Layer, Redacted, Result } from "effect"
import { SqlClient } from "effect/sql"
import { CandleStore } from "../../src/store/CandleStore.ts"
import { commitTrades } from "../../src/store/commitTrades.ts"
import * as Database from "../../src/store/Database.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"
import { tradeOf } from "../fixtures/trades.ts"

const SYMBOLS = ["ADAUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
const MINUTES = 365 * 24 * 60
const NOON = 1_790_942_400_000_000
const timeout = Duration.minutes(5)

const seconds = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const startedAt = performance.now()
  yield* effect
  return (performance.now() - startedAt) / 1_000
})

const quantile = (values: ReadonlyArray<number>, part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN

const ms = (time: number) => `${(time * 1_000).toFixed(1)} ms`

/** Trades that come at a rate, and a refresh after each second of them: what it takes while the open minute grows. */
const growth = Effect.fnUntraced(function* (rate: number) {
  const sql = yield* SqlClient.SqlClient
  const { refresh } = yield* CandleStore
  const times: Array<number> = []
  let writing = 0
  const each = Math.floor(rate / SYMBOLS.length)
  for (let second = 0; second < 75; second++) {
    for (let part = 0; part < 10; part++) {
      const batch = SYMBOLS.flatMap((symbol) =>
        Array.from({ length: Math.floor(each / 10) }, (_, n) => {
          const id = (second * 10 + part) * Math.floor(each / 10) + n
          const time = NOON + second * 1_000_000 + part * 100_000 + Math.floor((n * 100_000) / each)
          return tradeOf(id, { symbol, time, price: `${84_598 + (n % 7)}.05000000` })
        }),
      )
      writing += yield* seconds(
        commitTrades(sql, { market: "measure", mostMissing: 1 }, { origin: "stream", unwanted: [], trades: batch }),
      )
    }
    times.push(yield* seconds(refresh))
  }
  yield* Console.log(
    `${rate.toLocaleString("en")} trades/s of ${SYMBOLS.length} symbols, a refresh each second: median ${ms(quantile(times, 0.5))}, slowest ${ms(quantile(times, 1))} (their commits took ${ms(writing / times.length)} a second)`,
  )
})

/** An hour of one symbol that a repair filled, as one refresh, on every level. */
const repairedHour = Effect.fnUntraced(function* (trades: number) {
  const sql = yield* SqlClient.SqlClient
  const { refresh } = yield* CandleStore
  const trade = (id: number) => tradeOf(id, { symbol: "HOUR", time: NOON + Math.floor((id * 3_600_000_000) / trades) })
  const options = { market: "measure", mostMissing: 10_000_000 }
  const ends = [trade(0), trade(trades - 1)]
  yield* commitTrades(sql, options, { origin: "stream", unwanted: [], trades: ends })
  yield* refresh
  for (let from = 1; from < trades - 1; from += 1_000)
    yield* commitTrades(sql, options, {
      origin: "history",
      unwanted: [],
      trades: Array.from({ length: Math.min(1_000, trades - 1 - from) }, (_, n) => trade(from + n)),
    })
  yield* sql`ANALYZE raw_trades`
  const took = yield* seconds(refresh)
  yield* Console.log(
    `a repaired hour of ${trades.toLocaleString("en")} trades: refreshed on every level in ${ms(took)}`,
  )
})

/** A year of every minute of six symbols, made in the table as a refresh would have. */
const reads = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { last } = yield* CandleStore
  const names = Result.getOrThrow(PgTypes.array(SYMBOLS, PgTypes.OID.text))
  yield* sql`
    INSERT INTO candles (symbol, interval, open_time, open, high, low, close, volume, quote_volume, trades, taker_buy_volume,
      taker_buy_quote_volume, first_id, last_id, is_final)
    SELECT symbol, '1m', timestamptz 'epoch' + (28000000 + n) * interval '1 minute', 84598.05, 84600.01, 84580.1, 84590.77,
      12.34567890 + n % 100, 1045678.12345678 + n, 900, 6.12345678, 545678.12345678, n::bigint * 900, n::bigint * 900 + 899, TRUE
    FROM unnest(${names}) AS symbol, generate_series(0, ${MINUTES}::int - 1) AS n
    -- Every thousandth minute is empty.
    WHERE n % 1000 <> 7`
  yield* sql`VACUUM ANALYZE candles`
  for (const [name, options] of [
    ["the last 500", () => undefined],
    ["any 500", () => Math.floor(Math.random() * (MINUTES - 600))],
  ] as const) {
    const times: Array<number> = []
    const { between } = yield* CandleStore
    for (let n = 0; n < 1_200; n++) {
      const symbol = SYMBOLS[n % SYMBOLS.length] ?? ""
      const from = options()
      const open = (28_000_000 + (from ?? 0)) * 60_000_000
      const read = from === undefined ? last(symbol, "1m", 500) : between(symbol, "1m", open, open + 499 * 60_000_000)
      const took = yield* seconds(read)
      if (n >= 200) times.push(took)
    }
    yield* Console.log(
      `${name} one-minute candles, six symbols of 365 days: p50 ${ms(quantile(times, 0.5))}, p99 ${ms(quantile(times, 0.99))} (1,000 reads)`,
    )
  }
  const [size] = yield* sql<{ readonly bytes: bigint; readonly rows: bigint }>`
    SELECT pg_total_relation_size('candles') AS bytes, count(*) AS rows FROM candles`
  yield* Console.log(
    `a candle takes ${Math.round(Number(size?.bytes ?? 0) / Number(size?.rows ?? 1))} bytes with its keys`,
  )
})

/** Each part in a database of its own. */
export const candles = Effect.gen(function* () {
  const { create } = yield* TestPostgres
  for (const part of [growth(20_000), repairedHour(50_000), reads]) {
    const { url } = yield* create
    yield* part.pipe(
      Effect.provide(
        CandleStore.layer({ timeout }).pipe(
          Layer.provideMerge(Database.migrated({ url: Redacted.make(url), poolMax: 2, timeout })),
        ),
      ),
    )
  }
})
