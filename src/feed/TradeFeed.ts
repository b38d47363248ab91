import { Context, type Effect, Schema, type Stream } from "effect"
import type { Trade } from "../market/Trade.ts"

/** What one connection to the exchange is doing. Times are milliseconds since the epoch. */
export interface ConnectionStatus {
  readonly name: string
  readonly host: string
  readonly state: "connecting" | "connected" | "waiting"
  readonly since: number
  /** The same moment, in milliseconds of the monotonic clock. */
  readonly sinceMonotonic: number
  /** Since when it has not been connected, however often it was dialled meanwhile; undefined while it is. */
  readonly disconnectedAt: number | undefined
  readonly symbols: ReadonlyArray<string>
  readonly lastFrameAt: number | undefined
  readonly reconnects: number
  /** How often another connection took over from it before it ended. */
  readonly rotations: number
  /** When it will be replaced at the latest; undefined while it is not connected. */
  readonly nextRotationAt: number | undefined
  /** Why the connection before this one ended. */
  readonly lastLoss: string | undefined
}

/** The exchange was out of reach for as many attempts in a row as MAX_RECONNECT_ATTEMPTS allows. */
export class FeedGaveUp extends Schema.TaggedError<FeedGaveUp>()("FeedGaveUp", {
  attempts: Schema.Int,
  last: Schema.String,
}) {
  override get message(): string {
    return `Gave up on the exchange after ${this.attempts} reconnect attempts in a row (MAX_RECONNECT_ATTEMPTS=${this.attempts}): ${this.last}`
  }
}

/** The exchange as a stream of trades, in the order in which its connections delivered them. */
export class TradeFeed extends Context.Service<
  TradeFeed,
  {
    /**
     * Trades of the symbols, from now on. It reconnects by itself, and what was published in between is not in it. A consumer that
     * does not pull makes the sockets wait: nothing is dropped here. Once `until` succeeds it gives what it has read, and ends.
     */
    trades(symbols: ReadonlyArray<string>, until: Effect.Effect<void>): Stream.Stream<Trade, FeedGaveUp>
    /**
     * Says that the stream of this symbol has stalled although its connection lives: another connection replaces it while it goes on.
     * Does nothing while the connection is being dialled or replaced. Returns at once.
     */
    renew(symbol: string): Effect.Effect<void>
    readonly connections: Effect.Effect<ReadonlyArray<ConnectionStatus>>
  }
>()("fulltape/feed/TradeFeed") {}
