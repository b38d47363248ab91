import { Schema } from "effect"
import { INSTEAD_OF_451 } from "./ConnectionLost.ts"

/** A request to the exchange's REST host that gave no usable answer. */
export class RestError extends Schema.TaggedError<RestError>()("RestError", {
  host: Schema.String,
  /** undefined: no answer at all. */
  status: Schema.UndefinedOr(Schema.Int),
  detail: Schema.String,
}) {
  override get message(): string {
    if (this.status === undefined) return `${this.host} cannot be reached (${this.detail}).`
    if (this.status === 451) return `${this.host} refuses this location (HTTP 451). ${INSTEAD_OF_451}`
    return `${this.host} answered HTTP ${this.status}: ${this.detail}`
  }
}
