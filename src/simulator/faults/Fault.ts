import { Schema } from "effect"
import { RestFault } from "./RestFault.ts"
import { Count, Span, Status, when } from "./when.ts"

/** What a close frame may carry. */
const CloseCode = Schema.Int.pipe(
  Schema.check(
    Schema.makeFilter<number>(
      (code) =>
        (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
        (code >= 3000 && code <= 4999),
      { expected: "a close code that may be sent" },
    ),
  ),
)
/** Only this symbol's trade stream; all of them unless given. */
const symbol = Schema.optionalKey(Schema.String)
/** Of this symbol; unless given, of the first one that somebody is subscribed to. */
const oneSymbol = Schema.optionalKey(Schema.String)

/** Something that goes wrong at a given moment. Every kind says what a client sees. */
export const Fault = Schema.Union([
  /** The TCP connection ends without a close frame: orderly, in the middle of a frame, or by a reset. */
  Schema.Struct({
    kind: Schema.Literal("drop"),
    ...when,
    midFrame: Schema.optionalKey(Schema.Boolean),
    reset: Schema.optionalKey(Schema.Boolean),
  }),
  /** A close frame; 1001 unless a code is given. */
  Schema.Struct({
    kind: Schema.Literal("close"),
    ...when,
    code: Schema.optionalKey(CloseCode),
    reason: Schema.optionalKey(Schema.String),
  }),
  /** The next `ids` trades happen, but no connection gets them; REST has them. */
  Schema.Struct({ kind: Schema.Literal("skip"), ...when, symbol, ids: Count }),
  /** The last `ids` trades come again. */
  Schema.Struct({ kind: Schema.Literal("repeat"), ...when, symbol, ids: Count }),
  /** The next `ids` trades come in reverse. */
  Schema.Struct({ kind: Schema.Literal("reorder"), ...when, symbol, ids: Count }),
  /** No events for a while, and no pings either where `pings` is false; then the rest, or with `lose` not. */
  Schema.Struct({
    kind: Schema.Literal("silence"),
    ...when,
    for: Span,
    pings: Schema.optionalKey(Schema.Boolean),
    lose: Schema.optionalKey(Schema.Boolean),
  }),
  /** One more text frame that is no event; `text` exactly, or a variant made from the newest trade. */
  Schema.Struct({
    kind: Schema.Literal("malformed"),
    ...when,
    symbol,
    variant: Schema.optionalKey(Schema.Literals(["truncated", "missingKey", "emptyPrice", "notJson", "binary"])),
    text: Schema.optionalKey(Schema.String),
  }),
  /** One more event that nobody subscribed to: of an unknown kind, or a trade of another symbol. */
  Schema.Struct({
    kind: Schema.Literal("foreign"),
    ...when,
    variant: Schema.optionalKey(Schema.Literals(["event", "symbol"])),
    symbol,
  }),
  /** One more trade whose id is `ids` (20,000,000) beyond the newest; no such trade exists. */
  Schema.Struct({ kind: Schema.Literal("jump"), ...when, symbol: oneSymbol, ids: Schema.optionalKey(Count) }),
  /** One more trade that happens now, whose id is `ids` (1,000) below the newest; the trade of that id is another. */
  Schema.Struct({ kind: Schema.Literal("regress"), ...when, symbol: oneSymbol, ids: Schema.optionalKey(Count) }),
  /**
   * The connections of now get nothing more of a trade stream, for a while or for good, and none of it later; a new
   * subscription gets it.
   */
  Schema.Struct({
    kind: Schema.Literal("stall"),
    ...when,
    symbol: Schema.String,
    for: Schema.optionalKey(Span),
  }),
  /** The serverShutdown event, and after `closeAfter` a close frame. */
  Schema.Struct({ kind: Schema.Literal("serverShutdown"), ...when, closeAfter: Schema.optionalKey(Span) }),
  /** From now on connections end this long after they were opened, instead of 24 hours. */
  Schema.Struct({ kind: Schema.Literal("lifetime"), ...when, after: Span }),
  /** Handshakes are refused with an HTTP status, 503 unless given. */
  Schema.Struct({ kind: Schema.Literal("refuse"), ...when, status: Schema.optionalKey(Status), for: Span }),
  ...RestFault.members,
])
export type Fault = typeof Fault.Type

/** A schedule as a person writes it. */
export const Faults = Schema.Array(Fault)
