import { Duration, Effect, Metric, Schedule } from "effect"
import type { Trade } from "../market/Trade.ts"
import type { StoreError } from "../store/StoreError.ts"
import { TradeStore, type Written } from "../store/TradeStore.ts"
import { measurement } from "../telemetry/Logs.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import type { Continuity } from "./Continuity.ts"
import { GapRepair } from "./GapRepair.ts"

const LONGEST_WAIT = Duration.seconds(5)

/** A database that is away is asked again at 100 ms, 200 ms … and then every 5 s, for as long as it takes. */
const untilItIsBack = Schedule.exponential("100 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, LONGEST_WAIT))),
)

/** The sink of the pipeline: gives the effect that commits one batch, however long the database is away, and measures it. */
export const makeCommit = Effect.fnUntraced(function* (continuity: Continuity) {
  const store = yield* TradeStore
  const repair = yield* GapRepair
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
    if (written.opened > 0) yield* repair.wake
    return written
  })

  return Effect.fn("Ingest.commit")(function* (received: ReadonlyArray<Trade>) {
    const bogusBefore = continuity.bogus
    const batch = continuity.admit(received)
    if (continuity.bogus > bogusBefore) {
      yield* Metric.update(Metrics.tradesBogus, continuity.bogus - bogusBefore)
      yield* every10Seconds(Effect.logWarning("Left out a trade whose id jumped too far to be real"))
    }
    if (batch.length === 0) return
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
