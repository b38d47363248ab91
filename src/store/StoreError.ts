import { Schema } from "effect"

/** The database did not take a batch, for a reason that is not in its rows. Nothing of it was committed, or all of it was. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  /** An SQLSTATE or an errno name, where there is one. */
  code: Schema.UndefinedOr(Schema.String),
  detail: Schema.String,
}) {
  override get message(): string {
    return `The database did not take the batch: ${this.detail}`
  }
}
