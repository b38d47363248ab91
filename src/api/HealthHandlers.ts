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
        service: () =>
          Effect.zipWith(checks.service, performance.snapshot, ({ since, status, ...found }, { uptime }) => ({
            status,
            ...identity,
            uptime,
            since,
            ...found,
          })),
        database: () => checks.database,
        binance: () => checks.binance,
        live: () => checks.live,
        ready: () => checks.ready,
      })
    }),
  )
