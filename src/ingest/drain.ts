import { Deferred, Duration, Effect, Fiber, Schema } from "effect"

/** A supervisor usually waits 10 s before it kills; what is not written by then would be lost with a clear word at least. */
export const DRAIN_TIMEOUT = Duration.seconds(8)

/** The process was asked to stop, and the open batch could not be written in time. */
export class DrainIncomplete extends Schema.TaggedError<DrainIncomplete>()("DrainIncomplete", {}) {
  override readonly message = `What was received could not be written within ${Duration.format(DRAIN_TIMEOUT)} of the request to stop, and is not in the database.`
}

/**
 * Runs `work` until it is interrupted, then lets it finish: it is told through `stop` to take nothing new, and gets
 * `DRAIN_TIMEOUT` to write what it holds. An interrupted stream would drop its open batch.
 */
export const drainOnInterrupt = <A, E, R>(work: (stop: Effect.Effect<void>) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const stop = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(work(Deferred.await(stop)))
    return yield* Fiber.join(fiber).pipe(
      Effect.onInterrupt(() =>
        Effect.logInfo("Stopping: the open batch is written first").pipe(
          Effect.andThen(Deferred.succeed(stop, undefined)),
          Effect.andThen(Fiber.join(fiber)),
          Effect.orDie,
          Effect.timeoutOrElse({ duration: DRAIN_TIMEOUT, orElse: () => Effect.die(new DrainIncomplete()) }),
          Effect.andThen(Effect.logInfo("Stopped")),
        ),
      ),
    )
  })
