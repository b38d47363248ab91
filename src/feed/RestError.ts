import { Schema } from "effect"

/** A request to the exchange's REST host that gave no usable answer. */
export class RestError extends Schema.TaggedError<RestError>()("RestError", {
  host: Schema.String,
  /** undefined: no answer at all. */
  status: Schema.UndefinedOr(Schema.Int),
  detail: Schema.String,
}) {
  override get message(): string {
    if (this.status === undefined) return `${this.host} cannot be reached (${this.detail}).`
    if (this.status === 451)
      return `${this.host} refuses requests from this location (HTTP 451). Set BINANCE_REST_URL=https://data-api.binance.vision and BINANCE_WS_URL=wss://data-stream.binance.vision/ws, which serve the same trades, or run from a location that Binance serves.`
    return `${this.host} answered HTTP ${this.status}: ${this.detail}`
  }
}
