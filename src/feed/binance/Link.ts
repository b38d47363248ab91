import { type Array, Cause, Deferred, Effect, Exit, Latch, Option, Queue, Stream, type Tracer } from "effect"
import type { Trade } from "../../market/Trade.ts"
import { endSpan } from "../../telemetry/endSpan.ts"
import type { ConnectionLost } from "../ConnectionLost.ts"
import { subscribe } from "./BinanceConnection.ts"
import { BinanceSocket } from "./BinanceSocket.ts"
import { DialBudget } from "./DialBudget.ts"
import type { NotAcknowledged } from "./NotAcknowledged.ts"

/** Why a connection is replaced: it is old, the exchange said that it will close it, or a symbol's stream has stalled. */
export type RotationCause = "age" | "shutdown" | "stalled"

/** One connection to the exchange, in the hands of its shard. */
export interface Link {
  /** Why it was dialled; undefined: there was none before it. */
  readonly cause: RotationCause | undefined
  /** The span of the replacement that it was dialled for. */
  readonly rotation: Tracer.Span | undefined
  /** Completed when it has to be replaced before its time. */
  readonly asked: Deferred.Deferred<RotationCause>
  /** Completed by the shard when it is not needed any more, or no good. */
  readonly over: Deferred.Deferred<void, ConnectionLost | NotAcknowledged>
  /** Closed while it must not be read. */
  readonly gate: Latch.Latch
  /** Milliseconds since the epoch; undefined: not yet. */
  openedAt: number | undefined
  acknowledged: boolean
  /** Everything that was read before the request to stop was told. */
  ended: boolean
}

/** What a connection tells its shard, in the order in which it happened. */
export type Happening =
  | { readonly kind: "opened" | "acknowledged" | "ended"; readonly link: Link }
  | { readonly kind: "trades"; readonly link: Link; readonly trades: Array.NonEmptyReadonlyArray<Trade> }
  | { readonly kind: "lost"; readonly link: Link; readonly loss: ConnectionLost }

export interface LinkOptions {
  readonly name: string
  readonly url: string
  readonly symbols: ReadonlyArray<string>
  readonly until: Effect.Effect<void>
  readonly inbox: Queue.Enqueue<Happening>
  /** Run whenever frames came. */
  readonly heard: Effect.Effect<unknown>
}

export const makeLink = (cause?: RotationCause, rotation?: Tracer.Span): Link => ({
  cause,
  rotation,
  asked: Deferred.makeUnsafe(),
  over: Deferred.makeUnsafe(),
  gate: Latch.makeUnsafe(true),
  openedAt: undefined,
  acknowledged: false,
  ended: false,
})

/**
 * Dials, subscribes, and puts all that happens into the inbox. It is not read while the inbox is full. Ends when the shard completes
 * `over`, and as that says; the socket is closed then.
 */
export const runLink = Effect.fnUntraced(function* (link: Link, options: LinkOptions) {
  const tell = (happening: Happening) => Queue.offer(options.inbox, happening)
  const announced = Deferred.succeed(link.asked, "shutdown").pipe(
    Effect.andThen((first) =>
      first
        ? Effect.logWarning("The exchange announced that it will close this connection: another one replaces it")
        : Effect.void,
    ),
  )
  return yield* open(link, options, tell({ kind: "opened", link }), {
    acknowledged: tell({ kind: "acknowledged", link }),
    shutdown: announced,
  }).pipe(
    Stream.runForEachArray((trades) => tell({ kind: "trades", link, trades })),
    Effect.matchEffect({
      onSuccess: () => tell({ kind: "ended", link }),
      onFailure: (loss) => tell({ kind: "lost", link, loss }),
    }),
    Effect.andThen(Effect.never),
    Effect.raceFirst(Deferred.await(link.over)),
  )
})

/** The trades of one connection, from its dial to its loss; it ends once `until` succeeds and everything read was taken. */
const open = (
  { cause, gate, rotation }: Link,
  { heard, name, symbols, until, url }: LinkOptions,
  opened: Effect.Effect<unknown>,
  listener: Parameters<typeof subscribe>[2],
) =>
  Stream.fromPull(
    Effect.gen(function* () {
      const sockets = yield* BinanceSocket
      const budget = yield* DialBudget
      const { hostname, port, protocol } = new URL(url)
      const span = yield* Effect.makeSpan("BinanceFeed.connect", {
        ...(rotation === undefined ? { root: true } : { parent: rotation }),
        kind: "client",
        attributes: {
          "server.address": hostname,
          "server.port": Number(port) || (protocol === "wss:" ? 443 : 80),
          "connection.name": name,
          "connection.symbol_count": symbols.length,
          "connection.cause": cause ?? "none before",
        },
      })
      // Ends with the acknowledgement: what is left of the connection's life is no part of it.
      yield* Effect.addFinalizer((exit) => endSpan(span, exit))
      const dialled = Effect.andThen(
        Effect.withSpan(budget.take, "DialBudget.take"),
        Effect.withSpan(sockets.open(url), "BinanceSocket.open"),
      ).pipe(Effect.withParentSpan(span, { captureStackTrace: false }))
      const found = yield* Effect.raceFirst(Effect.as(until, Option.none()), Effect.asSome(dialled))
      if (Option.isNone(found)) return Cause.done()
      const socket = found.value
      yield* opened
      yield* Effect.forkScoped(Effect.andThen(until, socket.finish))
      const take = Effect.andThen(gate.await, Effect.tap(socket.take, heard))
      const subscription = yield* Effect.makeSpan("BinanceFeed.subscribe", { parent: span })
      yield* Effect.addFinalizer((exit) => endSpan(subscription, exit))
      const ended = Effect.andThen(endSpan(subscription, Exit.void), endSpan(span, Exit.void))
      const acknowledged = Effect.andThen(listener.acknowledged, ended)
      return yield* subscribe({ ...socket, take }, symbols, { ...listener, acknowledged })
    }),
  ).pipe(Stream.scoped)
