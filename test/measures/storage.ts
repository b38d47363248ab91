import { Console, Duration, Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { createHash } from "node:crypto"
import type { Trade } from "../../src/market/Trade.ts"
import { makeSyntheticMarket } from "../../src/simulator/source/SyntheticMarket.ts"
import { decimalOfBigUnits } from "../../src/simulator/source/units.ts"
import { commitTrades, type TradeOrigin } from "../../src/store/commitTrades.ts"
import { completeness } from "../../src/store/completeness.ts"
import * as Database from "../../src/store/Database.ts"
import { Flavour } from "../../src/store/Flavour.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const SYMBOLS = ["ADAUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
const TRADES = 1_000_000
/** Two days of chunks. */
const EPOCH = Date.UTC(2026, 8, 1) * 1000
const RATE = TRADES / (48 * 3600)
/** Runs of ids that the stream leaves out, to be repaired into what is compressed: one in so many batches of a thousand. */
const EVERY = 50

/** The trades of the simulated market in the order of their times. */
const market = (): ReadonlyArray<Trade> => {
  const { symbols } = makeSyntheticMarket({
    seed: "storage", symbols: SYMBOLS, rate: RATE, epoch: EPOCH, startId: undefined, count: TRADES, atSubscribe: false,
  }) // prettier-ignore
  const all = SYMBOLS.flatMap((symbol) => {
    const source = symbols.get(symbol)
    const first = source?.oldest() ?? 0
    return Array.from(
      { length: (source?.newest(EPOCH + 48 * 3600 * 1e6) ?? first) - first },
      (_, n) => first + n,
    ).flatMap((id) => {
      const trade = source?.trade(id)
      if (trade === undefined) return []
      const { buyerIsMaker, price, quantity, time } = trade
      return {
        symbol, id, time, price: decimalOfBigUnits(price), quantity: decimalOfBigUnits(quantity),
        side: buyerIsMaker ? "SELL" : "BUY", buyerOrderId: null, sellerOrderId: null, receivedAt: 0,
      } satisfies Trade // prettier-ignore
    })
  })
  return all.sort((a, b) => a.time - b.time).slice(0, TRADES)
}

/** Of every value of every trade, by symbol and id. */
const digestOf = (trades: ReadonlyArray<Trade>): string => {
  const hash = createHash("sha256")
  const sorted = [...trades].sort((a, b) => (a.symbol === b.symbol ? a.id - b.id : a.symbol < b.symbol ? -1 : 1))
  for (const { id, price, quantity, side, symbol, time } of sorted)
    hash.update(`${symbol} ${id} ${price} ${quantity} ${side} ${time}\n`)
  return hash.digest("hex")
}

const readDigest = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const hash = createHash("sha256")
  for (const symbol of SYMBOLS) {
    let after = -1n
    while (true) {
      const rows = yield* sql<{ readonly id: bigint; readonly line: string }>`
        SELECT trade_id AS id, concat_ws(' ', symbol, trade_id, price, quantity, side, (extract(epoch FROM timestamp) * 1000000)::bigint) AS line
        FROM raw_trades WHERE symbol = ${symbol} AND trade_id > ${after} ORDER BY trade_id LIMIT 50000`
      for (const { line } of rows) hash.update(`${line}\n`)
      after = rows.at(-1)?.id ?? after
      if (rows.length < 50_000) break
    }
  }
  return hash.digest("hex")
})

const seconds = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const startedAt = performance.now()
  yield* effect
  return (performance.now() - startedAt) / 1_000
})

const commit = Effect.fnUntraced(function* (trades: ReadonlyArray<Trade>, origin: TradeOrigin) {
  const sql = yield* SqlClient.SqlClient
  const ordered = [...trades].sort((a, b) => (a.symbol === b.symbol ? a.id - b.id : a.symbol < b.symbol ? -1 : 1))
  return yield* commitTrades(
    sql,
    { market: "measure", mostMissing: 10_000_000 },
    { origin, unwanted: [], trades: ordered },
  )
})

const bytesPerTrade = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { name } = yield* Flavour
  yield* sql`VACUUM raw_trades`
  const [size] = yield* name === "postgresql"
    ? sql<{
        readonly bytes: bigint
      }>`SELECT sum(pg_total_relation_size(relid))::bigint AS bytes FROM pg_partition_tree('raw_trades')`
    : sql<{ readonly bytes: bigint }>`SELECT hypertable_size('raw_trades') AS bytes`
  const [counted] = yield* sql<{ readonly rows: bigint }>`SELECT count(*) AS rows FROM raw_trades`
  return Number(size?.bytes ?? 0) / Number(counted?.rows ?? 1)
})

const compare = Effect.fnUntraced(function* (trades: ReadonlyArray<Trade>, what: string) {
  const equal = (yield* readDigest) === digestOf(trades)
  yield* Console.log(
    `${what}: ${trades.length.toLocaleString("en")} trades read back, ${equal ? "every value equal" : "NOT EQUAL"}`,
  )
  if (!equal) return yield* Effect.die(new Error("What was read back is not what was stored."))
})

const compress = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`SELECT compress_chunk(chunk, if_not_compressed => TRUE) FROM show_chunks('raw_trades') AS chunk`
})

/**
 * A million trades of six symbols in two days, in time's order; one connection, each statement a transaction of its own. Where the
 * database compresses, they are compressed, and what was left out is repaired into them.
 */
export const storage = Effect.gen(function* () {
  const { url } = yield* (yield* TestPostgres).create
  yield* Effect.gen(function* () {
    const { name, version } = yield* Flavour
    yield* Console.log(`${name} ${version}`)
    const all = market()
    const pages = Array.from({ length: TRADES / 1_000 }, (_, n) => all.slice(n * 1_000, (n + 1) * 1_000))
    const left = pages.filter((_, n) => n % EVERY === 7)
    const came = pages.filter((_, n) => n % EVERY !== 7)
    const half = came.length >> 1
    const small = came
      .slice(0, half)
      .flatMap((page) => Array.from({ length: 10 }, (_, n) => page.slice(n * 100, (n + 1) * 100)))
    for (const [size, batches] of [
      [100, small],
      [1_000, came.slice(half)],
    ] as const) {
      // prettier-ignore
      const took = yield* seconds(Effect.forEach(batches, (batch) => commit(batch, "stream"), { discard: true }))
      yield* Console.log(
        `batches of ${size}: ${Math.round((batches.length * size) / took).toLocaleString("en")} trades/s`,
      )
    }
    yield* Console.log(`a trade takes ${Math.round(yield* bytesPerTrade)} bytes with its keys`)
    yield* compare(came.flat(), "as stored")
    if (name === "timescaledb-community") {
      const took = yield* seconds(compress)
      yield* Console.log(`compressed in ${took.toFixed(1)} s: a trade takes ${(yield* bytesPerTrade).toFixed(1)} bytes`)
      yield* compare(came.flat(), "compressed")
    }
    const times: Array<number> = []
    for (const page of left) times.push(yield* seconds(commit(page, "history")))
    const sorted = times.sort((a, b) => a - b)
    yield* Console.log(
      `${left.length} repaired pages of 1,000: median ${((sorted[sorted.length >> 1] ?? 0) * 1000).toFixed(0)} ms, slowest ${((sorted.at(-1) ?? 0) * 1000).toFixed(0)} ms`,
    )
    yield* compare(all, "repaired")
    for (const { contradicted, duplicates, lost, open, symbol } of yield* completeness) {
      if (contradicted > 0n || duplicates > 0n || lost.length > 0 || open.length > 0)
        return yield* Effect.die(new Error(`${symbol} is not complete.`))
    }
    yield* Console.log("verified: each id once, no gap left")
  }).pipe(Effect.provide(Database.migrated({ url: Redacted.make(url), poolMax: 1, timeout: Duration.seconds(5) })))
})
