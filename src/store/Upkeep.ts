import { Cause, Context, Duration, Effect, Layer, Schedule } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { describeCause } from "../telemetry/describeCause.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { Flavour } from "./Flavour.ts"
import { compressAfter } from "./layout/hypertable.ts"
import { makePartitionsAhead } from "./layout/partitions.ts"
import { dropBefore, firstKeptDay } from "./layout/retention.ts"
import { sqlFailure } from "./sqlFailure.ts"
import { StoreError } from "./StoreError.ts"

/** Rows without a partition of their day, and days beyond retention, wait this long. Nearly always there is nothing to do. */
const EVERY = Duration.minutes(1)

/** Each transaction is short; this bounds a database that says nothing more, and days by the hundred that are to be dropped. */
const PATIENCE = Duration.minutes(10)

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
    /** Does what is to be done now; what fails keeps nothing else from being done. */
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
        const sql = yield* SqlClient.SqlClient
        const tasks = yield* Effect.forEach(
          tasksOf(name, options),
          Effect.fnUntraced(function* ({ what, work }) {
            const hourly = yield* makeRateLimited("1 hour")
            return {
              warn: (why: string) =>
                hourly(Effect.logWarning(`${what} failed, and is tried again every minute: ${why}`)),
              work: work.pipe(
                Effect.mapError((error) => new StoreError(sqlFailure(error))),
                Effect.timeoutOrElse({
                  duration: PATIENCE,
                  orElse: () => Effect.fail(new StoreError({ code: undefined, detail: "no end within 10 minutes" })),
                }),
                Effect.withSpan("Upkeep.task", { root: true, attributes: { "upkeep.task": what } }),
                Effect.provideService(SqlClient.SqlClient, sql),
              ),
            }
          }),
        )
        const once = Effect.validate(tasks, ({ work }) => work, { discard: true }).pipe(
          Effect.mapError(([first]) => first),
        )
        // Not even a defect ends it: nobody would miss it before the disk is full.
        const run = Effect.forEach(
          tasks,
          ({ warn, work }) =>
            work.pipe(
              Effect.catchTag("StoreError", ({ detail }) => warn(detail)),
              Effect.catchDefect((defect) => warn(describeCause(Cause.die(defect)))),
            ),
          { discard: true },
        ).pipe(Effect.repeat(Schedule.spaced(EVERY)), Effect.andThen(Effect.never))
        return Upkeep.of({ once, run })
      }),
    )

  /** Runs beside everything else, as long as the layer lives. */
  static readonly layerRunning = (options: UpkeepOptions) =>
    Layer.effectDiscard(Effect.flatMap(Upkeep, ({ run }) => Effect.forkScoped(run))).pipe(
      Layer.provide(Upkeep.layer(options)),
    )
}

/** A part of the upkeep. */
interface Task {
  /** For a sentence that it fails in. */
  readonly what: string
  readonly work: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>
}

const tasksOf = (flavour: Flavour["Service"]["name"], options: UpkeepOptions): ReadonlyArray<Task> => {
  const onKeptDay = (work: (day: string) => Task["work"]) => Effect.flatMap(firstKeptDay(options.retention), work)
  const dropping = {
    what: "Dropping trades beyond RETENTION",
    work: onKeptDay((day) => dropBefore(flavour, day)),
  }
  if (flavour === "postgresql") {
    return [{ what: "Making partitions ahead of the clock", work: onKeptDay(makePartitionsAhead) }, dropping]
  }
  if (flavour === "timescaledb-apache") return [dropping]
  return [{ what: "Making compression follow COMPRESS_AFTER", work: compressAfter(options.compressAfter) }, dropping]
}
