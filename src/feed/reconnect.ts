import { Duration, Effect, identity, Schedule } from "effect"

/** No wait between two attempts exceeds this. */
export const LONGEST_WAIT = Duration.seconds(5)

/**
 * When to dial again: 250 ms, doubled each time, ±20% so that many clients do not dial together, and then capped at 5 s.
 *
 * With `Stream.retry` it starts over once a connection has delivered a trade: an accepted handshake proves nothing.
 *
 * @param maxAttempts consecutive attempts before it gives up; 0 never does.
 */
export const reconnect = (maxAttempts: number) =>
  Schedule.exponential("250 millis").pipe(
    Schedule.jittered,
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, LONGEST_WAIT))),
    maxAttempts === 0 ? identity : Schedule.upTo({ times: maxAttempts }),
  )
