import { Effect } from "effect"
import { Flag } from "effect/cli"
import { Ingest } from "../ingest/Ingest.ts"
import { checkSymbols } from "../ingest/symbolCheck.ts"
import { Settings, type SettingsOptions } from "../Settings.ts"
import { addressOf } from "../store/Database.ts"
import { summarise } from "../telemetry/summary.ts"

/** Stores trades until it is stopped or fails. */
export const storing = Effect.gen(function* () {
  const { batch, binance, database, dataDir, unknown } = yield* Settings
  for (const name of unknown) yield* Effect.logWarning(`${name} is set, but there is no such setting`)
  yield* checkSymbols(binance.symbols)
  yield* Effect.logInfo(`Storing trades of ${binance.symbols.join(", ")}`).pipe(
    Effect.annotateLogs({
      exchange: binance.wsUrl.host,
      database: database.url === undefined ? `embedded in ${dataDir}` : addressOf(database.url),
      batchSize: batch.size,
    }),
  )
  yield* Effect.forkScoped(summarise)
  yield* (yield* Ingest).run
}).pipe(Effect.scoped)

/** A person at a terminal wants to see it recover, a supervisor wants to see it fail: `npm start` sets this flag. */
export const keepTrying = Flag.Boolean("keep-trying").pipe(
  Flag.withDescription("Never give up on the exchange, unless MAX_RECONNECT_ATTEMPTS says otherwise"),
  Flag.withDefault(false),
)

/** What the flag changes about the settings. */
export const settingsOf = (keepTrying: boolean): SettingsOptions =>
  keepTrying ? { defaults: { MAX_RECONNECT_ATTEMPTS: "0" } } : {}
