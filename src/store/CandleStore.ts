import { Context, Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { Candle, Interval } from "../market/Candle.ts"
import { bounded } from "./bounded.ts"
import { sqlFailure } from "./sqlFailure.ts"
import { StoreError } from "./StoreError.ts"

/** Minutes of one transaction. What a start or an import leaves takes several, so that none of them lasts. */
const MOST_MINUTES = 5_000

/** Of one transaction: beyond it the connection is lost without a word, and nothing else would end it. */
const PATIENCE = Duration.minutes(5)

/** Candles of every symbol and interval, made of the stored trades and of nothing else. */
export class CandleStore extends Context.Service<
  CandleStore,
  {
    /**
     * Computes the candles whose trades changed, of every interval, and marks those that have become final. What was committed before it
     * began is in them when it ends. Gives how many minutes it computed. It takes the time it needs, may run in several processes at
     * once, and loses nothing when it is interrupted or its process dies.
     */
    readonly refresh: Effect.Effect<number, StoreError>
    /**
     * The last candles as of the last refresh, the newest at the end, as many as asked for or as there are. An interval without trades is
     * flat at the close before, with no volume and the ids -1.
     */
    last(symbol: string, interval: Interval, count: number): Effect.Effect<ReadonlyArray<Candle>, StoreError>
    /**
     * The same from one opening time to another, both included and in microseconds since the epoch: none before the first trade and none
     * after the newest.
     */
    between(
      symbol: string,
      interval: Interval,
      from: number,
      to: number,
    ): Effect.Effect<ReadonlyArray<Candle>, StoreError>
  }
>()("fulltape/store/CandleStore") {
  /** @param options.timeout bounds the statements that read. */
  static readonly layer = (options: { readonly timeout: Duration.Duration }) =>
    Layer.effect(
      CandleStore,
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const timely = bounded(options.timeout)

        const round = sql<{
          readonly refreshed: bigint
        }>`SELECT refreshed FROM refresh_candles(${MOST_MINUTES}::int)`.pipe(
          Effect.map(([answer]) => Number(answer?.refreshed ?? 0)),
          Effect.mapError((error) => new StoreError(sqlFailure(error))),
          Effect.timeoutOrElse({
            duration: PATIENCE,
            orElse: () => Effect.fail(new StoreError({ code: undefined, detail: "no answer in 5 minutes" })),
          }),
        )
        const refresh = Effect.gen(function* () {
          let minutes = 0
          while (true) {
            const refreshed = yield* round
            minutes += refreshed
            if (refreshed < MOST_MINUTES) return minutes
          }
        }).pipe(Effect.withSpan("CandleStore.refresh", { root: true }))

        const fields = sql.literal(
          `symbol, interval, (extract(epoch FROM kline.open_time) * 1000000)::bigint AS open_time, open::text AS open, high::text AS high,
           low::text AS low, close::text AS close, volume::text AS volume, quote_volume::text AS quote_volume, trades,
           taker_buy_volume::text AS taker_buy_volume, taker_buy_quote_volume::text AS taker_buy_quote_volume,
           first_id, last_id, is_final, is_partial, revised_at`,
        )

        const last = Effect.fn("CandleStore.last")(function* (symbol: string, interval: Interval, count: number) {
          const rows = yield* sql<Row>`
            SELECT ${fields} FROM (
              SELECT kline.* FROM candle_intervals
              CROSS JOIN LATERAL (
                SELECT open_time FROM candles WHERE symbol = ${symbol} AND candles.interval = ${interval}
                ORDER BY open_time DESC LIMIT 1
              ) AS newest
              CROSS JOIN LATERAL klines(${symbol}, ${interval}, newest.open_time - (${count}::int - 1) * width, newest.open_time) AS kline
              WHERE candle_intervals.interval = ${interval}
            ) AS kline ORDER BY kline.open_time`
          return rows.map((row) => candleOf(row, interval))
        }, timely)

        const between = Effect.fn("CandleStore.between")(function* (
          symbol: string,
          interval: Interval,
          from: number,
          to: number,
        ) {
          const rows = yield* sql<Row>`
            SELECT ${fields} FROM klines(${symbol}, ${interval},
              timestamptz 'epoch' + ${BigInt(from)}::bigint * interval '1 microsecond',
              timestamptz 'epoch' + ${BigInt(to)}::bigint * interval '1 microsecond') AS kline ORDER BY kline.open_time`
          return rows.map((row) => candleOf(row, interval))
        }, timely)

        return CandleStore.of({ refresh, last, between })
      }),
    )
}

interface Row {
  readonly symbol: string
  readonly open_time: bigint
  readonly open: string
  readonly high: string
  readonly low: string
  readonly close: string
  readonly volume: string
  readonly quote_volume: string
  readonly trades: bigint
  readonly taker_buy_volume: string
  readonly taker_buy_quote_volume: string
  readonly first_id: bigint
  readonly last_id: bigint
  readonly is_final: boolean
  readonly is_partial: boolean
  readonly revised_at: Date | null
}

const candleOf = (row: Row, interval: Interval): Candle => ({
  symbol: row.symbol,
  interval,
  openTime: Number(row.open_time),
  open: row.open,
  high: row.high,
  low: row.low,
  close: row.close,
  volume: row.volume,
  quoteVolume: row.quote_volume,
  trades: Number(row.trades),
  takerBuyVolume: row.taker_buy_volume,
  takerBuyQuoteVolume: row.taker_buy_quote_volume,
  firstId: Number(row.first_id),
  lastId: Number(row.last_id),
  isFinal: row.is_final,
  isPartial: row.is_partial,
  revisedAt: row.revised_at?.getTime(),
})
