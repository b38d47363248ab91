import { Duration, Effect, Metric, Schedule } from "effect"
import type { Trade } from "../market/Trade.ts"
import type { StoreError } from "../store/StoreError.ts"
import { TradeStore, type Written } from "../store/TradeStore.ts"
import { measurement } from "../telemetry/Logs.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"

const LONGEST_WAIT = Duration.seconds(5)

/** A database that is away is asked again at 100 ms, 200 ms … and then every 5 s, for as long as it takes. */
const untilItIsBack = Schedule.exponential("100 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, LONGEST_WAIT))),
)

/** The sink of the pipeline: gives the effect that commits one batch, however long the database is away, and measures it. */
export const makeCommit = Effect.gen(function* () {
  const store = yield* TradeStore
  const everySecond = yield* makeRateLimited("1 second")
  const every10Seconds = yield* makeRateLimited("10 seconds")

  const write = Effect.fnUntraced(function* (batch: ReadonlyArray<Trade>) {
    let away = false
    const written = yield* store.write(batch).pipe(
      Effect.tapErrorTag("StoreError", (error) => {
        away = true
        return Effect.andThen(Metric.update(Metrics.databaseErrors, 1), every10Seconds(warnAway(error)))
      }),
      Effect.retry({ schedule: untilItIsBack, while: ({ _tag }) => _tag === "StoreError" }),
      // The schedule never ends.
      Effect.catchTag("StoreError", Effect.die),
    )
    if (away) yield* Effect.logInfo("The database takes trades again")
    return written
  })

  return Effect.fn("Ingest.commit")(function* (batch: ReadonlyArray<Trade>) {
    yield* Effect.annotateCurrentSpan("batch.size", batch.length)
    const startedAt = performance.now()
    const written = yield* write(batch)
    const committedAt = performance.now()
    const bufferSize = yield* measure(batch, written, committedAt - startedAt, committedAt)
    yield* everySecond(
      Effect.logInfo("Batch processed").pipe(
        Effect.annotateLogs({
          batchSize: batch.length,
          processingTime: Math.round((committedAt - startedAt) * 100) / 100,
          bufferSize,
        }),
        measurement,
      ),
    )
  })
})

const warnAway = (error: StoreError) =>
  Effect.logWarning(
    `The database does not take trades (${error.detail}). They wait here, the exchange is not read meanwhile, and it disconnects after 60 s without an answer.`,
  )

const measure = Effect.fnUntraced(function* (
  batch: ReadonlyArray<Trade>,
  written: Written,
  millis: number,
  committedAt: number,
) {
  yield* Metric.update(Metrics.batches, 1)
  yield* Metric.update(Metrics.batchSeconds, millis / 1000)
  yield* Metric.update(Metrics.tradesStored, written.stored)
  yield* Metric.update(Metrics.tradesDuplicate, written.duplicate)
  yield* Metric.update(Metrics.tradesQuarantined, written.quarantined)
  const context = yield* Effect.context()
  for (const { receivedAt } of batch) {
    Metrics.wireToCommitSeconds.updateUnsafe(Math.max(0, committedAt - receivedAt) / 1000, context)
  }
  return yield* Metrics.buffered
})
