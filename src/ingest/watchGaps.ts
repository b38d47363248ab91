import { Clock, Duration, Effect, Metric, Schedule } from "effect"
import { GapLedger } from "../store/GapLedger.ts"
import * as Metrics from "../telemetry/Metrics.ts"

/** How often the ledger is asked. */
const LOOK = Duration.seconds(5)

/** Keeps the gauges of the open gaps and of the frontiers, and leaves them as they are while the ledger does not answer. Never ends. */
export const watchGaps = Effect.gen(function* () {
  const ledger = yield* GapLedger
  const look = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    let gaps = 0
    let ids = 0
    for (const symbol of yield* ledger.frontiers) {
      gaps += symbol.gaps
      ids += symbol.missing
      yield* Metric.update(Metrics.frontierLagIds(symbol.symbol), symbol.high - symbol.frontier)
      if (symbol.frontierTime !== undefined)
        yield* Metric.update(Metrics.frontierLagSeconds(symbol.symbol), Math.max(0, now - symbol.frontierTime) / 1000)
    }
    yield* Metric.update(Metrics.openGaps, gaps)
    yield* Metric.update(Metrics.missingIds, ids)
  })
  return yield* Effect.repeat(Effect.ignore(look), Schedule.spaced(LOOK))
})
