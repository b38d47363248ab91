import { Console, Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { storedRuns } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** A database that is stopped for a minute while 5,000 trades a second come. */
export const outage = Effect.gen(function* () {
  const { create, whileStopped } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all([startExchange("--rate=5000"), create], { concurrency: 2 })
  const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]
  const service = yield* startService({ exchange, database, symbols })
  yield* service.stored(10_000)
  yield* whileStopped(Effect.sleep("60 seconds"))
  const backAt = Date.now()
  const spilled = yield* service.sample("fulltape_spill_trades")
  yield* eventually("an empty disk", service.sample("fulltape_spill_trades"), (trades) => trades === 0, "120 seconds")
  const seconds = (Date.now() - backAt) / 1000
  const { performance } = yield* service.metrics
  yield* eventually(
    "no hole",
    storedRuns(database),
    (runs) => Object.values(runs).every((of) => of.length === 1),
    "60 seconds",
  )
  const asked = yield* service.sample("fulltape_trades_repaired_total")
  yield* Console.log(
    `${spilled.toLocaleString("en")} trades on disk after 60 s without a database: level again ${seconds.toFixed(1)} s after it was back, ` +
      `live trades included; 0 ids lost, ${asked} asked for over REST, ${Math.round(performance.memoryUsage / 1048576)} MB of memory`,
  )
}).pipe(Effect.scoped)
