import { Schema } from "effect"

/** A whole number above 0. */
export const Count = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))

/** "2 seconds", or a number of milliseconds. */
export const Span = Schema.Union([Schema.DurationFromString, Schema.DurationFromMillis])

/** An HTTP status that refuses. */
export const Status = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 400, maximum: 599 })))

/** When a fault happens, and to whom. */
export const when = {
  /** After the start, or after the fault was posted. */
  at: Schema.optionalKey(Span),
  /** Count `at` from the first subscription instead. */
  from: Schema.optionalKey(Schema.Literals(["start", "subscription"])),
  /** Instead of `at`: once so many distinct trades (of `symbol`, where one is named) were sent. */
  afterTrades: Schema.optionalKey(Count),
  /** Again and again, `times` times or without end. */
  every: Schema.optionalKey(Span),
  times: Schema.optionalKey(Count),
  /** Only so many connections, the oldest first; all unless given. */
  connections: Schema.optionalKey(Count),
}
