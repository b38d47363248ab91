import { Schema } from "effect"
import { Count, Span, Status, when } from "./when.ts"

/**
 * Something that goes wrong with REST, mostly for a while. Where several hold at once a request meets the first of this
 * list; a slow answer may also be cut, emptied, or of fewer trades, and one that is late may have a floor too.
 */
export const RestFault = Schema.Union([
  /** Requests under /api/v3 get no answer; the socket is held until the client gives up, or the time is over. */
  Schema.Struct({ kind: Schema.Literal("restHang"), ...when, for: Span }),
  /** Requests are refused with a status (503), a code and a text. */
  Schema.Struct({
    kind: Schema.Literal("rest"),
    ...when,
    for: Span,
    status: Schema.optionalKey(Status),
    code: Schema.optionalKey(Schema.Int),
    msg: Schema.optionalKey(Schema.String),
    retryAfter: Schema.optionalKey(Schema.Int),
  }),
  /** Answers under /api/v3 come `delay` later, as they were. */
  Schema.Struct({ kind: Schema.Literal("restSlow"), ...when, for: Span, delay: Span }),
  /** The connection ends in the middle of an answer about trades. */
  Schema.Struct({ kind: Schema.Literal("restCut"), ...when, for: Span }),
  /** Lists of trades are empty. */
  Schema.Struct({ kind: Schema.Literal("restEmpty"), ...when, for: Span }),
  /** REST does not know the newest `ids` trades of each symbol yet; streams do. */
  Schema.Struct({ kind: Schema.Literal("restLate"), ...when, for: Span, ids: Count }),
  /** For good: REST serves nothing older than the newest `ids` trades of this moment, of one symbol or of each. */
  Schema.Struct({
    kind: Schema.Literal("restFloor"),
    ...when,
    ids: Count,
    symbol: Schema.optionalKey(Schema.String),
  }),
])
export type RestFault = typeof RestFault.Type
