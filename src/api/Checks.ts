import { Clock, Context, Effect, Layer, Metric } from "effect"
import { StartStep } from "../store/StartStep.ts"
import * as Gauges from "../telemetry/Gauges.ts"
import type { BinanceCheck, DatabaseCheck, LiveCheck, PartCheck, ReadyCheck } from "./HealthChecks.ts"
import type { HealthReport } from "./HealthGroup.ts"
import { startingAnswers } from "./startingAnswers.ts"
import { Statuses } from "./Statuses.ts"

/** How the parts are. No answer fails or shows a secret. */
export interface Answers {
  readonly pipeline: Effect.Effect<PartCheck>
  /** As it was at the last look, a second ago or, while the database does not answer, its timeout. */
  readonly database: Effect.Effect<DatabaseCheck>
  readonly binance: Effect.Effect<BinanceCheck>
  /** Down once the pipeline has ended by itself: nothing else is mended by a restart. */
  readonly live: Effect.Effect<LiveCheck>
  /** Up while trades are being stored: the pipeline runs, the database answers, and a connection to the exchange is up. */
  readonly ready: Effect.Effect<ReadyCheck>
  /** What all parts come to: as `live`, but degraded while anything is wrong. */
  readonly service: Effect.Effect<Omit<HealthReport, "service" | "version" | "uptime">>
}

/** Whether the parts of the service work, and since when: that it is starting, until `watchPipeline` has a pipeline to look at. */
export class Checks extends Context.Service<
  Checks,
  Answers & {
    /** Has others answer from now on. */
    readonly answerBy: (answers: Answers) => Effect.Effect<void>
    /** Of all answers, so that `since` spans the start. */
    readonly statuses: Statuses
  }
>()("fulltape/api/Checks") {
  static readonly layer = Layer.effect(
    Checks,
    Effect.gen(function* () {
      const statuses = new Statuses()
      let answers = startingAnswers(statuses, yield* StartStep, yield* Clock.currentTimeMillis)
      yield* Metric.update(Gauges.databaseUp, 0)
      return Checks.of({
        pipeline: Effect.suspend(() => answers.pipeline),
        database: Effect.suspend(() => answers.database),
        binance: Effect.suspend(() => answers.binance),
        live: Effect.suspend(() => answers.live),
        ready: Effect.suspend(() => answers.ready),
        service: Effect.suspend(() => answers.service),
        answerBy: (others) => Effect.sync(() => void (answers = others)),
        statuses,
      })
    }),
  )
}
