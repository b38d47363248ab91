import { Duration } from "effect"

/** A span of time as PostgreSQL reads it. */
export const interval = (duration: Duration.Duration): string => `${Duration.toMillis(duration)} milliseconds`
