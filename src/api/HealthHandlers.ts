import { Effect, Metric } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Metrics from "../telemetry/Metrics.ts"
import { Performance } from "../telemetry/Performance.ts"
import { Api } from "./Api.ts"
import { Checks } from "./Checks.ts"

/** Who answers. */
export interface Identity {
  readonly service: string
  readonly version: string
}

/** Answers `/health` and what is below it. */
export const layer = (identity: Identity) =>
  HttpApiBuilder.group(
    Api,
    "health",
    Effect.fnUntraced(function* (handlers) {
      const checks = yield* Checks
      const performance = yield* Performance

      return handlers.handleAll({
        service: Effect.fnUntraced(function* () {
          const { uptime } = yield* performance.snapshot
          const { binance, database, pipeline } = yield* Effect.all({
            pipeline: checks.pipeline,
            database: checks.database,
            binance: checks.binance,
          })
          const open = (yield* Metric.value(Metrics.openGaps)).value
          const missingIds = (yield* Metric.value(Metrics.missingIds)).value
          // One connection of many that is lost is a problem of its symbols, not a reason to restart the service.
          const connected = binance.connections.some(({ state }) => state === "connected")
          return {
            status: pipeline.status === "up" && database.status === "up" && connected ? "up" : "down",
            ...identity,
            uptime,
            checks: { pipeline, database, binance },
            gaps: { open, missingIds },
            problems: [
              ...[pipeline, database, binance].flatMap(({ detail, status }) => (status === "up" ? [] : [detail])),
              ...(open === 0 ? [] : [`${missingIds} trades are missing and still to be fetched; verify lists them.`]),
            ],
          } as const
        }),
        database: () => checks.database,
        binance: () => checks.binance,
      })
    }),
  )
