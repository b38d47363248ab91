import { Clock, Console, Effect } from "effect"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** Binance's own: 6,000 of weight a minute, 25 a page of 1,000 trades. */
const ALLOWED = (6_000 / 25) * 1_000

const MINUTE = 60_000

/** A gap that takes several minutes, over two whole minutes of the clock. */
export const repair = Effect.gen(function* () {
  const { create } = yield* TestPostgres
  const database = yield* create
  const exchange = yield* startExchange("--symbols=BTCUSDT", "--rate=1000", "--start-id=1")
  const first = yield* startService({ exchange, database, symbols: ["BTCUSDT"] })
  yield* first.stored(10)
  yield* first.program.stop("SIGTERM")
  // As if the service had been stopped for a million trades: they are there, and long ago.
  yield* database.query("DELETE FROM raw_trades")
  yield* database.query("DELETE FROM trade_gaps")
  yield* database.query(
    "UPDATE symbols SET origin_id = high_id - 1000000, kept_from_id = high_id - 1000000, high_id = high_id - 1000000",
  )
  const service = yield* startService({ exchange, database, symbols: ["BTCUSDT"] })
  yield* service.stored(10)
  const repaired = service.sample("fulltape_trades_repaired_total")
  const untilTheMinute = Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(MINUTE - (now % MINUTE)))
  yield* untilTheMinute
  const before = yield* repaired
  yield* Effect.sleep(2 * MINUTE - 1_000)
  const perMinute = ((yield* repaired) - before) / 2
  yield* Console.log(
    `${Math.round(perMinute).toLocaleString("en")} trades a minute repaired, ${((100 * perMinute) / ALLOWED).toFixed(1)}% of the ${ALLOWED.toLocaleString("en")} that the weight limit allows`,
  )
}).pipe(Effect.scoped)
