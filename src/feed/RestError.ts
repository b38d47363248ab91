import { Schema } from "effect"
import { INSTEAD_OF_451 } from "./ConnectionLost.ts"

/** A request to the exchange's REST host that gave no usable answer. */
export class RestError extends Schema.TaggedError<RestError>()("RestError", {
  host: Schema.String,
  /** undefined: no answer at all. */
  status: Schema.UndefinedOr(Schema.Int),
  /** Binance's own number of the refusal, where it sent one: https://developers.binance.com/docs/binance-spot-api-docs/errors */
  code: Schema.optional(Schema.Int),
  detail: Schema.String,
}) {
  /** What a caller can conclude from it. */
  get reason(): RestFailure {
    const { code, status } = this
    if (status === undefined) return "Unreachable"
    if (status === 400 && code === -1121) return "UnknownSymbol"
    if (status === 429 || status === 418) return "Limited"
    if (status === 451 || status === 403) return "Restricted"
    if (status === 404) return "NoSuchEndpoint"
    if (status < 300) return "Malformed"
    return status >= 500 ? "Unavailable" : "Refused"
  }

  override get message(): string {
    if (this.status === undefined) return `${this.host} cannot be reached (${this.detail}).`
    if (this.status === 451) return `${this.host} refuses this location (HTTP 451). ${INSTEAD_OF_451}`
    return `${this.host} answered HTTP ${this.status}: ${this.detail}`
  }
}

export type RestFailure =
  /** No answer, or none in time. */
  | "Unreachable"
  /** The host failed (5xx). */
  | "Unavailable"
  /** More was asked than the exchange allows; every request waits for the time that it named. */
  | "Limited"
  /** This address or location is not served (403, 451). */
  | "Restricted"
  /** The exchange does not list the symbol. */
  | "UnknownSymbol"
  | "NoSuchEndpoint"
  /** An answer that is not what was asked for. */
  | "Malformed"
  /** Refused for another reason. */
  | "Refused"
