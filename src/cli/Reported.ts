import { Cause, Effect, Exit, Schema } from "effect"
import { DrainIncomplete } from "../ingest/drain.ts"

/** A failure that the logs have told already: it only ends the process. */
export class Reported extends Schema.TaggedError<Reported>()("Reported", {}) {}

/** Logs how the effect failed, in the sentence of its error, before the logs are closed. */
export const reported = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Reported, R> =>
  effect.pipe(
    Effect.onExit((exit) =>
      Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
        ? Effect.logError(sentence(exit.cause))
        : Effect.void,
    ),
    Effect.mapError(() => new Reported()),
  )

/** Whether the logs have told the failure already. */
export const wasReported = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return error instanceof Reported || error instanceof DrainIncomplete
}

/** What a person should read of a failure. */
export const sentence = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error && error.message !== "" ? error.message : String(error)
}
