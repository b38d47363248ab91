import { Clock, Effect, Metric } from "effect"
import * as Gauges from "../telemetry/Gauges.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { Statuses } from "./Statuses.ts"

/** Whether ids are missing, as the ledger said within the last 5 s. */
export const repairCheck = (statuses: Statuses) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { value: gaps } = yield* Metric.value(Metrics.openGaps)
    const { value: missing } = yield* Metric.value(Metrics.missingIds)
    const { value: filling } = yield* Metric.value(Gauges.fillingGaps)
    if (gaps === 0) return { ...statuses.note("repair", "up", now), detail: "No trade is missing." }
    const detail = `${missing} trades in ${gaps} gaps are missing, ${filling} of the gaps are being filled. Should that last, verify and the log say what the exchange answered; check BINANCE_REST_URL.`
    return { ...statuses.note("repair", "degraded", now), detail }
  })
