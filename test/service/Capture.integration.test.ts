import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { captureFolder, captures, hasCaptures, recorded } from "../fixtures/recordedTrades.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { start } from "../fixtures/service/Program.ts"
import { environmentOf } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** Exactly, in units of 10^-8. */
const sumOfQuantities = (trades: ReadonlyArray<string>): bigint =>
  trades.reduce((sum, trade) => {
    const [whole = "", decimals = ""] = trade.split(" ")[2]?.split(".") ?? []
    return sum + BigInt(whole + decimals.padEnd(8, "0"))
  }, 0n)

describe.skipIf(!hasCaptures)(`recorded trades (skipped where ${captureFolder} has no captures)`, () => {
  it.layer(TestPostgres.layer, { excludeTestServices: true })("of the exchange", (it) => {
    it.effect("are stored by `ingest` as they are in the file: ids, values, and the sum of the quantities", () =>
      Effect.gen(function* () {
        const { create } = yield* TestPostgres
        const [exchange, database] = yield* Effect.all(
          [startExchange(...captures.map(({ file }) => `--capture=${file}`), "--speed=0"), create],
          { concurrency: 2 },
        )
        const all = captures.reduce((sum, { count }) => sum + count, 0)
        const env = environmentOf({ exchange, database, env: { BATCH_SIZE: "500", RETENTION: "100 years" } })
        const service = yield* start(["ingest"], { env })
        yield* service.line(/Connected to the exchange/)
        yield* service.explained(
          eventually("all trades stored", storedCount(database), (count) => count >= all, "30 seconds"),
        )
        for (const { count, file, first, symbol } of captures) {
          const expected = recorded(file)
          assert.lengthOf(expected, count)
          const [total] = yield* database.query(
            `SELECT count(*) AS rows, min(trade_id) AS first, max(trade_id) AS last,
               (sum(quantity) * 100000000)::numeric(40, 0)::text AS quantity
             FROM raw_trades WHERE symbol = '${symbol}'`,
          )
          assert.deepStrictEqual(total, {
            rows: BigInt(count),
            first,
            last: first + BigInt(count) - 1n,
            quantity: String(sumOfQuantities(expected)),
          })
          const stored = yield* database.query(
            `SELECT concat_ws(' ', trade_id, price, quantity, side, (extract(epoch FROM timestamp) * 1000)::bigint) AS row
             FROM raw_trades WHERE symbol = '${symbol}' ORDER BY trade_id`,
          )
          expected.forEach((trade, index) => assert.strictEqual(stored[index]?.["row"], trade))
        }
      }),
    )
  })
})
