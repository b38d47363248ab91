import { Schema } from "effect"

/** The database cannot be used as it is; the message says what to do. No trade was written to it. */
export class DatabaseUnusable extends Schema.TaggedError<DatabaseUnusable>()("DatabaseUnusable", {
  message: Schema.String,
}) {}
