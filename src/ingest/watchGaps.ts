import { Clock, Duration, Effect, Metric, Schedule } from "effect"
import { GapLedger } from "../store/GapLedger.ts"
import * as Gauges from "../telemetry/Gauges.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { showNewest } from "../telemetry/newestTrade.ts"

/** How often the ledger is asked. */
const LOOK = Duration.seconds(5)

/**
 * Keeps the gauges of the gaps and of the frontiers, of every symbol that the ledger has, and those of the newest trades, of `symbols`:
 * one that is received no more is not silent. They stay as they are while the ledger does not answer. Never ends.
 */
export const watchGaps = Effect.fnUntraced(function* (symbols: ReadonlySet<string>) {
  const ledger = yield* GapLedger
  const look = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    let gaps = 0
    let filling = 0
    let ids = 0
    let unfillable = 0
    const context = yield* Effect.context()
    for (const symbol of yield* ledger.frontiers) {
      gaps += symbol.gaps
      filling += symbol.filling
      ids += symbol.missing
      unfillable += symbol.unfillable
      if (symbol.highTime !== undefined && symbols.has(symbol.symbol))
        showNewest(symbol.symbol, symbol.high, symbol.highTime / 1000, context)
      yield* Metric.update(Metrics.frontierLagIds(symbol.symbol), symbol.high - symbol.frontier)
      // A hole is at least as old as the moment at which it was noticed.
      const since = symbol.frontierTime ?? symbol.noticed
      if (since !== undefined)
        yield* Metric.update(Metrics.frontierLagSeconds(symbol.symbol), Math.max(0, now - since) / 1000)
    }
    yield* Metric.update(Metrics.openGaps, gaps)
    yield* Metric.update(Metrics.missingIds, ids)
    yield* Metric.update(Gauges.fillingGaps, filling)
    yield* Metric.update(Gauges.unfillableIds, unfillable)
  })
  // As traces these looks would bury the others.
  return yield* Effect.ignore(look).pipe(Effect.withTracerEnabled(false), Effect.repeat(Schedule.spaced(LOOK)))
})
