import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
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
          // One connection of many that is lost is a problem of its symbols, not a reason to restart the service.
          const connected = binance.connections.some(({ state }) => state === "connected")
          return {
            status: pipeline.status === "up" && database.status === "up" && connected ? "up" : "down",
            ...identity,
            uptime,
            checks: { pipeline, database, binance },
            problems: [pipeline, database, binance].flatMap(({ detail, status }) => (status === "up" ? [] : [detail])),
          } as const
        }),
        database: () => checks.database,
        binance: () => checks.binance,
      })
    }),
  )
