import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { gunzipSync } from "node:zlib"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { start } from "../fixtures/service/Program.ts"
import { environmentOf } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const folder = resolve(process.env["CAPTURE_DIR"] ?? "../shared/data", "binance-ws")
const captures = [
  { symbol: "BTCUSDT", file: join(folder, "btcusdt_20240808.gz"), count: 9_757, first: 3_735_683_259n },
  { symbol: "ETHUSDT", file: join(folder, "ethusdt_20240808.gz"), count: 6_106, first: 1_520_538_925n },
]
const present = captures.every(({ file }) => existsSync(file))

/** The trades of a file, read with nothing but a pattern: `id price quantity side ms`. */
const recorded = (file: string): ReadonlyArray<string> =>
  gunzipSync(readFileSync(file))
    .toString("utf8")
    .split("\n")
    .flatMap((line) => {
      const [, id, price, quantity, time, maker] =
        /"e":"trade",.*"t":(\d+),"p":"([\d.]+)","q":"([\d.]+)",.*"T":(\d+),"m":(true|false)/.exec(line) ?? []
      return id === undefined ? [] : [`${id} ${price} ${quantity} ${maker === "true" ? "SELL" : "BUY"} ${time}`]
    })

/** Exactly, in units of 10^-8. */
const sumOfQuantities = (trades: ReadonlyArray<string>): bigint =>
  trades.reduce((sum, trade) => {
    const [whole = "", decimals = ""] = trade.split(" ")[2]?.split(".") ?? []
    return sum + BigInt(whole + decimals.padEnd(8, "0"))
  }, 0n)

describe.skipIf(!present)(`recorded trades (skipped where ${folder} has no captures)`, () => {
  it.layer(TestPostgres.layer, { excludeTestServices: true })("of the exchange", (it) => {
    it.effect("are stored by `ingest` as they are in the file: ids, values, and the sum of the quantities", () =>
      Effect.gen(function* () {
        const { create } = yield* TestPostgres
        const [exchange, database] = yield* Effect.all(
          [startExchange(...captures.map(({ file }) => `--capture=${file}`), "--speed=0"), create],
          { concurrency: 2 },
        )
        const all = captures.reduce((sum, { count }) => sum + count, 0)
        const env = environmentOf({ exchange, database, env: { BATCH_SIZE: "500" } })
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
