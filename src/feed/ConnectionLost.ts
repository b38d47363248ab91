import { Schema } from "effect"

/** How a connection to the exchange ended, or why it never began. */
export const LossReason = Schema.Union([
  /** No TCP or TLS connection, or no answer to the handshake in time. */
  Schema.TaggedStruct("Unreachable", { detail: Schema.String }),
  /** The exchange answered the handshake with an HTTP status of its own: 451 restricted location, 429, 5xx. */
  Schema.TaggedStruct("Refused", { status: Schema.Int, detail: Schema.String }),
  /** What came over it was no websocket any more, or too much for one frame. */
  Schema.TaggedStruct("Broken", { detail: Schema.String }),
  /** `unreadSeconds`: for how long the socket had not been read, because nothing took the trades. */
  Schema.TaggedStruct("Closed", { code: Schema.Int, detail: Schema.String, unreadSeconds: Schema.Finite }),
  /** Neither a frame nor a ping for longer than the exchange's own ping interval allows. */
  Schema.TaggedStruct("Silent", { seconds: Schema.Finite }),
])
export type LossReason = typeof LossReason.Type

/** A connection to the exchange that is gone, or that never came about. The reconnect policy says what follows. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", {
  host: Schema.String,
  reason: LossReason,
}) {
  override get message(): string {
    const { host, reason } = this
    switch (reason._tag) {
      case "Unreachable":
        return `${host} cannot be reached (${reason.detail}).`
      case "Refused":
        return reason.status === 451
          ? `${host} refuses this location (HTTP 451). ${INSTEAD_OF_451}`
          : `${host} refused the connection with HTTP ${reason.status}${reason.detail === "" ? "" : `: ${reason.detail}`}.`
      case "Broken":
        return `The connection to ${host} broke (${reason.detail}).`
      case "Closed":
        return reason.unreadSeconds >= 1
          ? `${host} closed the connection (${reason.code}${suffix(reason.detail)}) after it had not been read for ${Math.round(reason.unreadSeconds)} s: the process was too busy, or its disk too slow.`
          : `${host} closed the connection (${reason.code}${suffix(reason.detail)}).`
      case "Silent":
        return `${host} sent neither a frame nor a ping for ${reason.seconds} s.`
    }
  }
}

/** What to set where Binance may not be used: its market-data hosts serve the same trades. */
export const INSTEAD_OF_451 =
  "Set BINANCE_WS_URL=wss://data-stream.binance.vision/ws and BINANCE_REST_URL=https://data-api.binance.vision, which serve the same trades, or run from a location that Binance serves."

const suffix = (detail: string) => (detail === "" ? "" : ` ${detail}`)
