import { Context, Duration, Effect, Layer, Schedule } from "effect"
import type { SqlClient } from "effect/sql"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { compressAfter } from "./compression.ts"
import { Flavour } from "./Flavour.ts"
import { makePartitionsAhead } from "./partitions.ts"
import { dropBefore } from "./retention.ts"
import { sqlFailure } from "./sqlFailure.ts"
import { StoreError } from "./StoreError.ts"

/** Rows without a partition of their day, and days beyond retention, wait this long. Nearly always there is nothing to do. */
const EVERY = Duration.minutes(1)

export interface UpkeepOptions {
  /** How long trades are kept. */
  readonly retention: Duration.Duration
  /** The age at which TimescaleDB's community edition compresses them. */
  readonly compressAfter: Duration.Duration
}

/** Keeps the stored trades as the settings say: drops those beyond retention, makes partitions, has chunks compressed. */
export class Upkeep extends Context.Service<
  Upkeep,
  {
    /** Does what is to be done now. */
    readonly once: Effect.Effect<void, StoreError>
    /** Does it again and again, and says what fails. Never ends. */
    readonly run: Effect.Effect<never>
  }
>()("fulltape/store/Upkeep") {
  static readonly layer = (options: UpkeepOptions) =>
    Layer.effect(
      Upkeep,
      Effect.gen(function* () {
        const { name } = yield* Flavour
        const hourly = yield* makeRateLimited("1 hour")
        const context = yield* Effect.context<SqlClient.SqlClient>()
        const once = Effect.gen(function* () {
          const keptFrom = yield* dropBefore(name, options.retention)
          if (name === "postgresql") yield* makePartitionsAhead(keptFrom)
          if (name === "timescaledb-community") yield* compressAfter(options.compressAfter)
        }).pipe(
          Effect.mapError((error) => new StoreError(sqlFailure(error))),
          Effect.provide(context),
        )
        const run = once.pipe(
          Effect.catchTag("StoreError", ({ detail }) =>
            hourly(
              Effect.logWarning(`The upkeep of the stored trades failed, and is tried again every minute: ${detail}`),
            ),
          ),
          Effect.repeat(Schedule.spaced(EVERY)),
          Effect.andThen(Effect.never),
        )
        return Upkeep.of({ once, run })
      }),
    )

  /** Runs beside everything else, as long as the layer lives. */
  static readonly layerRunning = (options: UpkeepOptions) =>
    Layer.effectDiscard(Effect.flatMap(Upkeep, ({ run }) => Effect.forkScoped(run))).pipe(
      Layer.provide(Upkeep.layer(options)),
    )
}
