import { Context, Deferred, Duration, Effect, Layer, Schedule, Stream } from "effect"
import type { Trade } from "../../market/Trade.ts"
import type { ConnectionLost } from "../ConnectionLost.ts"
import { ConnectionStatuses } from "../ConnectionStatuses.ts"
import { reconnect } from "../reconnect.ts"
import { FeedGaveUp, TradeFeed } from "../TradeFeed.ts"
import { BinanceSocket } from "./BinanceSocket.ts"
import { DialBudget } from "./DialBudget.ts"
import type { Link } from "./Link.ts"
import { shardTrades } from "./Shard.ts"
import { makeShardReport, type ShardReport } from "./ShardReport.ts"
import { shards, streamUrl } from "./subscription.ts"

export interface BinanceFeedOptions {
  readonly wsUrl: URL
  /** Attempts in a row; 0 never gives up. */
  readonly maxReconnectAttempts: number
  /** How old a connection gets before another one replaces it; the exchange ends it after 24 hours. */
  readonly rotateAfter: Duration.Duration
}

/** The connections of one process begin together, and must not be replaced together: the last of them is this much earlier than the first. */
const SPREAD = 0.1

/** The trade streams of Binance Spot; sockets and dial budget are still to be provided. */
export const layerNoDeps = (options: BinanceFeedOptions) =>
  Layer.effect(
    TradeFeed,
    Effect.gen(function* () {
      const needs = Context.pick(BinanceSocket, DialBudget)(yield* Effect.context<BinanceSocket | DialBudget>())
      const statuses = new ConnectionStatuses()
      const url = streamUrl(options.wsUrl)
      const host = options.wsUrl.host
      /** By symbol: the connection that delivers it. */
      const presents = new Map<string, Link>()

      /** One connection after the other, for as long as the policy lets it. */
      const shard = (
        symbols: ReadonlyArray<string>,
        until: Effect.Effect<void>,
        place: { readonly index: number; readonly of: number },
      ): Stream.Stream<Trade, FeedGaveUp> => {
        const name = `binance-${place.index + 1}`
        const begun = (report: ShardReport) => {
          const policy = reconnect(options.maxReconnectAttempts).pipe(
            Schedule.setInputType<ConnectionLost>(),
            Schedule.tap(({ input, attempt, duration }) => report.lost(input, attempt, duration)),
            // Waited for here, where the request to stop can end it.
            Schedule.modifyDelay(({ duration }) => Effect.as(Effect.raceFirst(Effect.sleep(duration), until), 0)),
          )

          return shardTrades({
            url,
            name,
            host,
            symbols,
            needs,
            until,
            report,
            rotateAfter: Duration.times(options.rotateAfter, 1 - (SPREAD * place.index) / place.of),
            onPresent: (link) => symbols.forEach((symbol) => presents.set(symbol, link)),
          }).pipe(
            Stream.retry(policy),
            Stream.mapError((loss) => new FeedGaveUp({ attempts: options.maxReconnectAttempts, last: loss.message })),
            Stream.onStart(report.begun),
          )
        }
        return Stream.unwrap(Effect.map(makeShardReport({ name, host, symbols, statuses }), begun))
      }

      return TradeFeed.of({
        trades: (symbols, until) => {
          const all = shards(symbols)
          const streams = all.map((some, index) => shard(some, until, { index, of: all.length }))
          const [only] = streams
          // A merge costs every chunk a turn through one more queue.
          return streams.length === 1 && only !== undefined
            ? only
            : Stream.mergeAll(streams, { concurrency: "unbounded", bufferSize: 1 })
        },
        renew: (symbol) =>
          Effect.suspend(() => {
            const link = presents.get(symbol)
            return link === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(link.asked, "stalled"))
          }),
        connections: statuses.all,
      })
    }),
  )

/** The trade streams of Binance Spot. */
export const layer = (options: BinanceFeedOptions) =>
  layerNoDeps(options).pipe(Layer.provide([BinanceSocket.layer, DialBudget.layer]))
