import { Cause, Duration, Effect, Layer, Metric, Option, Schedule, Stream } from "effect"
import type { Trade } from "../../market/Trade.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import type { ConnectionLost } from "../ConnectionLost.ts"
import { ConnectionStatuses } from "../ConnectionStatuses.ts"
import { reconnect } from "../reconnect.ts"
import { FeedGaveUp, TradeFeed } from "../TradeFeed.ts"
import { subscribe } from "./BinanceConnection.ts"
import { BinanceSocket } from "./BinanceSocket.ts"
import { DialBudget } from "./DialBudget.ts"
import { shards, streamUrl } from "./subscription.ts"

export interface BinanceFeedOptions {
  readonly wsUrl: URL
  /** Attempts in a row; 0 never gives up. */
  readonly maxReconnectAttempts: number
}

/** The trade streams of Binance Spot; sockets and dial budget are still to be provided. */
export const layerNoDeps = (options: BinanceFeedOptions) =>
  Layer.effect(
    TradeFeed,
    Effect.gen(function* () {
      const sockets = yield* BinanceSocket
      const budget = yield* DialBudget
      const statuses = new ConnectionStatuses()
      const url = streamUrl(options.wsUrl)
      const host = options.wsUrl.host

      /** One connection after the other, for as long as the policy lets it. */
      const connection = (
        symbols: ReadonlyArray<string>,
        index: number,
        until: Effect.Effect<void>,
      ): Stream.Stream<Trade, FeedGaveUp> => {
        const name = `binance-${index + 1}`
        let reached = false

        const open = Effect.gen(function* () {
          yield* statuses.enter(name, "connecting")
          const dialled = Effect.andThen(budget.take, sockets.open(url))
          const opened = yield* Effect.raceFirst(Effect.as(until, Option.none()), Effect.asSome(dialled))
          if (Option.isNone(opened)) return Cause.done()
          const socket = opened.value
          yield* Effect.forkScoped(Effect.andThen(until, socket.finish))
          reached = true
          yield* statuses.enter(name, "connected")
          yield* Effect.logInfo("Connected to the exchange").pipe(
            Effect.annotateLogs({ host, symbols: symbols.length }),
          )
          return yield* subscribe({ ...socket, take: Effect.tap(socket.take, statuses.heard(name)) }, symbols)
        }).pipe(Effect.annotateLogs({ connection: name }))

        const lost = Effect.fnUntraced(function* (loss: ConnectionLost, attempt: number, wait: Duration.Duration) {
          const { _tag: cause } = loss.reason
          const wasOpen = cause !== "Unreachable" && cause !== "Refused"
          yield* statuses.lost(name, loss.message, wasOpen)
          yield* Metric.update(wasOpen ? Metrics.reconnects[cause] : Metrics.failedDials[cause], 1)
          const instead = reached ? "" : " (`npm run demo` runs without the exchange.)"
          yield* Effect.logWarning(`${loss.message} Trying again.${instead}`).pipe(
            Effect.annotateLogs({ connection: name, attempt, waitMs: Math.round(Duration.toMillis(wait)) }),
          )
        })
        const policy = reconnect(options.maxReconnectAttempts).pipe(
          Schedule.setInputType<ConnectionLost>(),
          Schedule.tap(({ input, attempt, duration }) => lost(input, attempt, duration)),
          // Waited for here, where the request to stop can end it.
          Schedule.modifyDelay(({ duration }) => Effect.as(Effect.raceFirst(Effect.sleep(duration), until), 0)),
        )

        return Stream.fromPull(open).pipe(
          Stream.scoped,
          Stream.retry(policy),
          Stream.mapError((loss) => new FeedGaveUp({ attempts: options.maxReconnectAttempts, last: loss.message })),
          Stream.onStart(statuses.open(name, host, symbols)),
        )
      }

      return TradeFeed.of({
        trades: (symbols, until) =>
          Stream.mergeAll(
            shards(symbols).map((shard, index) => connection(shard, index, until)),
            { concurrency: "unbounded", bufferSize: 1 },
          ),
        connections: statuses.all,
      })
    }),
  )

/** The trade streams of Binance Spot. */
export const layer = (options: BinanceFeedOptions) =>
  layerNoDeps(options).pipe(Layer.provide([BinanceSocket.layer, DialBudget.layer]))
