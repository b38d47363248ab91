import { Effect } from "effect"
import type { StartStep } from "../store/StartStep.ts"
import type { Answers } from "./Checks.ts"
import { completeness } from "./Completeness.ts"
import type { Statuses } from "./Statuses.ts"

/** What is answered before there is a pipeline: nothing works yet, no restart would help, and this is what the start waits for. */
export const startingAnswers = (statuses: Statuses, step: (typeof StartStep)["Service"], begun: number): Answers => {
  const detail = Effect.map(step.now, (now) => `No trade is being stored yet: the service is starting. ${now}`)
  const down = (part: string) => Effect.map(detail, (detail) => ({ ...statuses.note(part, "down", begun), detail }))

  const pipeline = down("pipeline")
  const database = Effect.map(down("database"), (check) => ({ ...check, flavour: null, version: null }))
  const binance = Effect.map(down("binance"), (check) => ({ ...check, connections: [], symbols: [] }))
  const service = Effect.gen(function* () {
    const checks = yield* Effect.all({ pipeline, database, binance, spill: down("spill"), repair: down("repair") })
    const noted = statuses.note("service", "degraded", begun)
    return { ...noted, ready: false, checks, ...(yield* completeness([])), problems: [yield* detail] }
  })
  return {
    pipeline,
    database,
    binance,
    live: Effect.map(detail, (detail) => ({ ...statuses.note("live", "up", begun), detail })),
    ready: down("ready"),
    service,
  }
}
