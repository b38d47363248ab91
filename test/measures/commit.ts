import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Console, Duration, Effect, Redacted, Result } from "effect"
import { SqlClient } from "effect/sql"
import type { Trade } from "../../src/market/Trade.ts"
import { commitTrades } from "../../src/store/commitTrades.ts"
import * as Database from "../../src/store/Database.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"
import { tradeOf } from "../fixtures/trades.ts"

const SYMBOLS = ["ADAUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
const ROUNDS = 15
const TRADES = 20_000

/** Batches of so many trades: a run of each of six symbols, which begins where the one of the batch before ended. */
const batchesOf = (size: number): ReadonlyArray<ReadonlyArray<Trade>> =>
  Array.from({ length: TRADES / size }, (_, batch) =>
    SYMBOLS.flatMap((symbol, index) => {
      const count = Math.floor((size + index) / SYMBOLS.length)
      const first = batch * count + 1
      return Array.from({ length: count }, (_, n) => tradeOf(first + n, { symbol, time: 1.79e15 + (first + n) * 100 }))
    }),
  )

const column = (type: "int8" | "text" | "numeric", values: ReadonlyArray<unknown>) =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID[type]))

/** What one would write without a ledger. */
const bareInsert = (sql: SqlClient.SqlClient, batch: ReadonlyArray<Trade>) => sql`
  INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
  SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price, quantity, side, id, NULL, NULL
  FROM unnest(
    ${column("text", batch.map(({ symbol }) => symbol))},
    ${column("int8", batch.map(({ id }) => BigInt(id)))},
    ${column("int8", batch.map(({ time }) => BigInt(time)))},
    ${column("numeric", batch.map(({ price }) => price))},
    ${column("numeric", batch.map(({ quantity }) => quantity))},
    ${column("text", batch.map(({ side }) => side))}
  ) AS trade (symbol, id, time_us, price, quantity, side)
  ON CONFLICT DO NOTHING` // prettier-ignore

const commitCall = (sql: SqlClient.SqlClient, batch: ReadonlyArray<Trade>) =>
  commitTrades(sql, { market: "measure", mostMissing: 10_000_000 }, { origin: "stream", unwanted: [], trades: batch })

const rate = Effect.fnUntraced(function* (write: typeof bareInsert | typeof commitCall, size: number) {
  const sql = yield* SqlClient.SqlClient
  for (const table of ["raw_trades", "trade_gaps", "symbols", "candle_changes"])
    yield* sql`TRUNCATE ${sql(table)} CASCADE`
  yield* sql`CHECKPOINT`
  const batches = batchesOf(size)
  const startedAt = performance.now()
  for (const batch of batches) yield* write(sql, batch)
  return (TRADES / (performance.now() - startedAt)) * 1_000
})

const measureAt = Effect.fnUntraced(function* (size: number) {
  const ratios: Array<number> = []
  const calls: Array<number> = []
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? [bareInsert, commitCall] : [commitCall, bareInsert]
    const rates = new Map<unknown, number>()
    for (const write of order) rates.set(write, yield* rate(write, size))
    const call = rates.get(commitCall) ?? Number.NaN
    calls.push(call)
    ratios.push(call / (rates.get(bareInsert) ?? Number.NaN))
  }
  const middle = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN
  yield* Console.log(
    `batches of ${size}: the commit call writes ${Math.round(middle(calls)).toLocaleString("en")} trades/s, ${middle(ratios).toFixed(2)} of the bare insert (medians of ${ROUNDS} alternating rounds)`,
  )
})

/** One connection, each statement a transaction of its own. */
export const commit = Effect.gen(function* () {
  const { url } = yield* (yield* TestPostgres).create
  yield* Effect.forEach([100, 1_000], measureAt, { discard: true }).pipe(
    Effect.provide(Database.migrated({ url: Redacted.make(url), poolMax: 1, timeout: Duration.seconds(5) })),
  )
})
