import { Clock, Effect, Metric } from "effect"
import * as Gauges from "../telemetry/Gauges.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { PartCheck } from "./HealthChecks.ts"
import { recently } from "./recently.ts"
import type { Statuses } from "./Statuses.ts"

/** So long after a trade was dropped the spill counts as down: batches come about once a second. */
const RECENT = "1 minute"

/** Gives the effect that tells whether trades wait on disk, or are dropped. */
export const makeSpillCheck = Effect.fnUntraced(function* (statuses: Statuses) {
  const dropsNow = yield* recently(Metrics.tradesDropped, RECENT)

  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { value: trades } = yield* Metric.value(Metrics.spillTrades)
    if (yield* dropsNow) {
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
