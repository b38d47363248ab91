import { type Array, type Cause, Context, Effect, Layer, Queue, Stream } from "effect"
import type { Trade } from "../market/Trade.ts"
import { type SeenTrades, TradeBacklog } from "./TradeBacklog.ts"

/** Trades that wait for a subscriber at most, unless it says otherwise: half a second at 20,000 a second. */
const MOST = 10_000

export interface TradeSubscription {
  /** As the exchange writes them; unset: all. */
  readonly symbols?: ReadonlyArray<string>
  /** Trades that may wait for this subscriber; beyond, the oldest are left out and counted. */
  readonly most?: number
}

/**
 * The trades as the pipeline sees them, before the commit: soon, and without a promise. Duplicates and bogus ids are left out as far as memory
 * can tell; whether a trade is stored, and in which order, only the database knows. Who wants that asks `LatestPrices` or the store.
 *
 * A subscriber never slows the pipeline or another one. Effect's `PubSub` is not used: it bounds chunks, which hold one trade or
 * thousands, it does not tell how many of them a slow subscriber lost, and it hands every trade to one who wants a single symbol.
 */
export class TradeBus extends Context.Service<
  TradeBus,
  {
    /** Hands a chunk to whoever listens. Never waits; without subscribers it does nothing. */
    readonly publish: (trades: ReadonlyArray<Trade>) => void
    /** What is published from the moment at which the stream runs, until it is ended or the bus is. */
    readonly subscribe: (subscription?: TradeSubscription) => Stream.Stream<SeenTrades>
  }
>()("fulltape/ingest/TradeBus") {
  static readonly layer: Layer.Layer<TradeBus> = Layer.effect(
    TradeBus,
    Effect.gen(function* () {
      const subscribers = new Set<Subscriber>()
      yield* Effect.addFinalizer(() => Effect.forEach(subscribers, ({ bell }) => Queue.end(bell), { discard: true }))

      const publish = (trades: ReadonlyArray<Trade>): void => {
        if (subscribers.size === 0) return
        for (const { backlog, bell } of subscribers) if (backlog.add(trades)) Queue.offerUnsafe(bell, undefined)
      }

      const join = ({ most = MOST, symbols }: TradeSubscription) =>
        Effect.acquireRelease(
          Effect.gen(function* () {
            const bell = yield* Queue.sliding<void, Cause.Done>(1)
            const backlog = new TradeBacklog(most, symbols === undefined ? undefined : new Set(symbols))
            const subscriber: Subscriber = { backlog, bell }
            subscribers.add(subscriber)
            return subscriber
          }),
          (subscriber) => Effect.sync(() => subscribers.delete(subscriber)),
        )

      const subscribe = (subscription: TradeSubscription = {}) =>
        Stream.fromPull(
          Effect.map(join(subscription), ({ backlog, bell }) => {
            const pull: Effect.Effect<Array.NonEmptyReadonlyArray<SeenTrades>, Cause.Done> = Effect.suspend(() => {
              const seen = backlog.take()
              return seen === undefined ? Effect.andThen(Queue.take(bell), pull) : Effect.succeed([seen])
            })
            return pull
          }),
        ).pipe(Stream.scoped)

      return TradeBus.of({ publish, subscribe })
    }),
  )
}

interface Subscriber {
  readonly backlog: TradeBacklog
  /** Rings when there is something to take; its end is the stream's. */
  readonly bell: Queue.Queue<void, Cause.Done>
}
