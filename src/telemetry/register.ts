import { type Context, Effect, Metric } from "effect"
import * as Gauges from "./Gauges.ts"
import * as Metrics from "./Metrics.ts"

/** Those of which a zero is true before anything happened. */
const gauges = [
  Metrics.bufferedTrades,
  Metrics.waitingFrames,
  Gauges.heldTrades,
  Metrics.uncommittedTrades,
  Metrics.oldestUncommittedSeconds,
  Metrics.spillTrades,
  Metrics.spillBytes,
  Metrics.openGaps,
  Metrics.missingIds,
  Gauges.fillingGaps,
  ...Object.values(Gauges.connections),
]

type AnyMetric = Metric.Metric<never, unknown>

/** A metric, or one for each value of a label. */
const metricsOf = (exported: unknown): ReadonlyArray<AnyMetric> => {
  if (Metric.isMetric(exported)) return [exported]
  return typeof exported === "object" && exported !== null ? Object.values(exported).flatMap(metricsOf) : []
}

const counting = Object.values(Metrics)
  .flatMap(metricsOf)
  .filter(({ type }) => type !== "Gauge")

/**
 * Makes every counter and histogram known at its zero, since one that appears only when it first moves hides that first move, and the
 * gauges of which the same is true. In this order they are shown.
 */
export const register = Effect.contextWith((context: Context.Context<never>) =>
  Effect.sync(() => {
    for (const metric of [...counting, ...gauges]) metric.valueUnsafe(context)
  }),
)
