import { Clock, Effect, type Exit, type Tracer } from "effect"

/** Ends a span that outlives the effect which made it. Only the first end counts. */
export const endSpan = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.map(Clock.Clock, (clock) => {
    if (span.status._tag === "Started") span.end(clock.currentTimeNanosUnsafe(), exit)
  })
