import { Clock, Duration, Effect, Metric } from "effect"
import * as Gauges from "../telemetry/Gauges.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { PartCheck } from "./HealthChecks.ts"
import type { Statuses } from "./Statuses.ts"

/** So long after a trade was dropped the spill counts as down: batches come about once a second. */
const RECENT = Duration.toMillis(Duration.minutes(1))

/** Gives the effect that tells whether trades wait on disk, or are dropped. */
export const makeSpillCheck = Effect.fnUntraced(function* (statuses: Statuses) {
  let seen = (yield* Metric.value(Metrics.tradesDropped)).count
  let droppedAt = Number.NEGATIVE_INFINITY

  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { count: dropped } = yield* Metric.value(Metrics.tradesDropped)
    if (dropped > seen) droppedAt = now
    seen = dropped
    const { value: trades } = yield* Metric.value(Metrics.spillTrades)
    if (now - droppedAt < RECENT) {
      const detail =
        "Trades are being dropped: neither the database nor the disk takes them; repair asks for them later. Bring the database back, raise SPILL_MAX_MB, or make room in DATA_DIR."
      return { ...statuses.note("spill", "down", now), detail } satisfies PartCheck
    }
    if (trades === 0) return { ...statuses.note("spill", "up", now), detail: "Nothing waits on disk." }
    const share = (yield* Metric.value(Metrics.spillBytes)).value / (yield* Metric.value(Gauges.spillLimitBytes)).value
    const detail = `${trades} trades wait on disk and take ${percent(share)} of SPILL_MAX_MB; they are committed when the database takes them again. See that it does before the room is used up.`
    return { ...statuses.note("spill", "degraded", now), detail }
  })
})

const percent = (share: number): string => (Number.isFinite(share) ? `${Math.ceil(share * 100)}%` : "a part")
