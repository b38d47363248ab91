import { Effect, Metric, Schedule } from "effect"
import { GapLedger } from "../store/GapLedger.ts"
import * as Metrics from "../telemetry/Metrics.ts"

/** Keeps the gauges of the open gaps: asks the ledger every 5 s, and leaves them as they are while it does not answer. Never ends. */
export const watchGaps = Effect.gen(function* () {
  const ledger = yield* GapLedger
  const look = Effect.gen(function* () {
    let gaps = 0
    let ids = 0
    for (const symbol of yield* ledger.open) {
      gaps += symbol.gaps
      ids += symbol.ids
    }
    yield* Metric.update(Metrics.openGaps, gaps)
    yield* Metric.update(Metrics.missingIds, ids)
  })
  return yield* Effect.repeat(Effect.ignore(look), Schedule.spaced("5 seconds"))
})
