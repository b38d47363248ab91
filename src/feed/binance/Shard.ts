import { Array, Cause, Clock, type Context, Deferred, Duration, Effect, Exit, Option, Queue, Stream } from "effect"
import type { Trade } from "../../market/Trade.ts"
import * as Gauges from "../../telemetry/Gauges.ts"
import { endSpan } from "../../telemetry/endSpan.ts"
import type { ConnectionLost } from "../ConnectionLost.ts"
import { ANSWER_TIMEOUT } from "./BinanceConnection.ts"
import type { BinanceSocket } from "./BinanceSocket.ts"
import type { DialBudget } from "./DialBudget.ts"
import { Handover } from "./Handover.ts"
import { type Happening, type Link, type LinkOptions, makeLink, runLink } from "./Link.ts"
import { NotAcknowledged } from "./NotAcknowledged.ts"
import { replace } from "./replace.ts"
import type { ShardReport } from "./ShardReport.ts"

/** A symbol that stays silent on the connection that replaces another counts as taken over after this long. */
const SILENT_SYMBOL = Duration.seconds(5)

export interface ShardOptions extends Pick<LinkOptions, "url" | "symbols" | "until"> {
  readonly name: string
  readonly host: string
  /** Provided where a connection begins: to provide it to the stream would cost every pull of that. */
  readonly needs: Context.Context<BinanceSocket | DialBudget>
  /** How old a connection gets. */
  readonly rotateAfter: Duration.Duration
  readonly report: ShardReport
  /** Told which connection is the present one. */
  readonly onPresent: (link: Link) => void
}

/**
 * The trades of the symbols that share a connection. Before a connection ends, another one is dialled and takes over, again and again;
 * it fails once the present connection is lost and no other one is there, after what was delivered last.
 */
export const shardTrades = (options: ShardOptions) => Stream.fromPull(connectedShard(options)).pipe(Stream.scoped)

const connectedShard = Effect.fnUntraced(function* (options: ShardOptions) {
  const { report, symbols, until } = options
  const scope = yield* Effect.scope
  const inbox = yield* Queue.bounded<Happening>(1)
  /** A defect in one of its fibers ends the shard: it would wait for that fiber for ever. */
  const guarded = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.tapCause(effect, (cause) =>
      Cause.hasDies(cause) ? Queue.failCause(inbox, Cause.die(Cause.squash(cause))) : Effect.void,
    )
  const run = (link: Link) =>
    runLink(link, { ...options, inbox, heard: report.heard }).pipe(
      Effect.annotateLogs({ connection: options.name }),
      guarded,
      Effect.provideContext(options.needs),
    )
  const context = yield* Effect.context()
  const handover = new Handover(symbols, (change) => Gauges.heldTrades.modifyUnsafe(change, context))
  yield* Effect.addFinalizer(() => Effect.sync(() => handover.release()))
  let present = makeLink()
  /** The one that is to take over, once it is open. */
  let next: Link | undefined
  /** How much longer the next one may make the shard wait, for its acknowledgement or for silent symbols. */
  let patience = Duration.zero
  let stopping = false
  /** What comes after the last trades. */
  let end: Effect.Effect<never, ConnectionLost | Cause.Done> | undefined

  /** Has the present connection replaced in time, and gives the time at the latest. */
  const watchAge = Effect.fnUntraced(function* (link: Link) {
    options.onPresent(link)
    const now = yield* Clock.currentTimeMillis
    const openedAt = link.openedAt ?? now
    const age = Duration.clamp(Duration.millis(now - openedAt), {
      minimum: Duration.zero,
      maximum: options.rotateAfter,
    })
    yield* Effect.forkIn(
      guarded(replace(link, { name: options.name, age, rotateAfter: options.rotateAfter, handover, report, run })),
      scope,
    )
    return openedAt + Duration.toMillis(options.rotateAfter)
  })

  const promote = Effect.fnUntraced(function* (link: Link) {
    yield* Deferred.succeed(present.over, undefined)
    if (link.rotation !== undefined) yield* endSpan(link.rotation, Exit.void)
    handover.complete()
    link.gate.openUnsafe()
    present = link
    next = undefined
    return yield* watchAge(link)
  })

  const rotated = Effect.fnUntraced(function* (link: Link) {
    const nextRotationAt = yield* promote(link)
    yield* report.replaced(link.cause ?? "age", nextRotationAt)
  })

  const reject = Effect.fnUntraced(function* (link: Link, why: ConnectionLost | NotAcknowledged) {
    if (link === next) {
      next = undefined
      handover.loseNext()
    }
    yield* Deferred.fail(link.over, why)
  })

  const presentLost = Effect.fnUntraced(function* (loss: ConnectionLost) {
    const released = handover.release()
    if (next === undefined) {
      end = Effect.fail(loss)
    } else if (next.acknowledged) {
      yield* rotated(next)
      yield* report.lostInHandover(loss)
    } else {
      yield* report.lostTooEarly(loss, yield* promote(next))
    }
    return released
  })

  const onTrades = Effect.fnUntraced(function* (link: Link, trades: ReadonlyArray<Trade>) {
    if (link !== present && link !== next) return []
    const out = link === present ? handover.fromPresent(trades) : handover.fromNext(trades)
    if (next === undefined || stopping) return out
    if (handover.isDone) yield* rotated(next)
    else if (handover.isFull) next.gate.closeUnsafe()
    else next.gate.openUnsafe()
    return out
  })

  const opened = Effect.fnUntraced(function* (link: Link) {
    link.openedAt = yield* Clock.currentTimeMillis
    if (link === present) return yield* report.connected(yield* watchAge(link))
    next = link
    patience = ANSWER_TIMEOUT
  })

  /** What comes out because something happened. */
  const handle = Effect.fnUntraced(function* (happening: Happening) {
    const { kind, link } = happening
    switch (kind) {
      case "trades":
        return yield* onTrades(link, happening.trades)
      case "opened":
        yield* opened(link)
        return []
      case "acknowledged":
        link.acknowledged = true
        if (link === next) patience = SILENT_SYMBOL
        return []
      case "lost":
        if (link === present) return yield* presentLost(happening.loss)
        yield* reject(link, happening.loss)
        return []
      case "ended":
        link.ended = true
        next?.gate.openUnsafe()
        return []
    }
  })

  /** What comes out because the next connection was waited for long enough. */
  const overdue = Effect.fnUntraced(function* (link: Link) {
    if (stopping) return []
    if (!link.acknowledged) {
      yield* reject(link, new NotAcknowledged({ host: options.host }))
      return []
    }
    const released = handover.release()
    yield* rotated(link)
    return released
  })

  /** While nothing is pulled, nothing is read, and patience does not run out: the present connection may be far behind. */
  const awaitBoth = Effect.fnUntraced(function* (link: Link) {
    const [waited, happening] = yield* Effect.timed(Effect.timeoutOption(Queue.take(inbox), patience))
    patience = Duration.max(Duration.subtract(patience, waited), Duration.zero)
    return yield* Option.isSome(happening) ? handle(happening.value) : overdue(link)
  })

  yield* Effect.forkScoped(
    Effect.andThen(
      until,
      Effect.sync(() => (stopping = true)),
    ),
  )
  yield* report.dialling
  yield* Effect.forkScoped(run(present))

  return Effect.gen(function* () {
    while (end === undefined) {
      let trades: ReadonlyArray<Trade>
      if (next === undefined) {
        const happening = yield* Queue.take(inbox)
        const isUntouched = happening.kind === "trades" && happening.link === present && handover.isIdle
        trades = isUntouched ? happening.trades : yield* handle(happening)
      } else {
        trades = yield* awaitBoth(next)
      }
      if (present.ended && next?.ended !== false) {
        trades = [...trades, ...handover.release()]
        end = Cause.done()
      }
      if (Array.isReadonlyArrayNonEmpty(trades)) return trades
    }
    return yield* end
  })
})
