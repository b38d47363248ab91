import { Schema } from "effect"

/** The database did not do what it was asked, for a reason that is not in the rows. It may be asked again. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  /** An SQLSTATE or an errno name, where there is one. */
  code: Schema.UndefinedOr(Schema.String),
  detail: Schema.String,
  /** The name of the constraint that was violated. */
  constraint: Schema.optional(Schema.UndefinedOr(Schema.String)),
}) {
  override get message(): string {
    return `The database did not answer as it should: ${this.detail}`
  }
}
