import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Performance } from "../telemetry/Performance.ts"
import { Api } from "./Api.ts"
import { Checks } from "./Checks.ts"
import { completeness, problemsOf } from "./Completeness.ts"

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
          const progress = yield* completeness(binance.connections.flatMap(({ symbols }) => symbols))
          // One connection of many that is lost is a problem of its symbols, not a reason to restart the service.
          const connected = binance.connections.some(({ state }) => state === "connected")
          const works = pipeline.status === "up" && database.status === "up" && connected
          const problems = [
            ...[pipeline, database, binance].flatMap(({ detail, status }) => (status === "up" ? [] : [detail])),
            ...(yield* problemsOf(progress)),
          ]
          return {
            status: works ? (problems.length === 0 ? "up" : "degraded") : "down",
            ...identity,
            uptime,
            checks: { pipeline, database, binance },
            ...progress,
            problems,
          } as const
        }),
        database: () => checks.database,
        binance: () => checks.binance,
      })
    }),
  )
