import { Context, type Duration, Effect, Layer, Metric } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Trade } from "../market/Trade.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { DatabaseUnusable } from "./DatabaseUnusable.ts"
import { insertTrades } from "./insertTrades.ts"
import { quarantine, reasonToRefuse, type Refusal } from "./Quarantine.ts"
import { refusesRow, sqlFailure } from "./sqlFailure.ts"
import { StoreError } from "./StoreError.ts"
import { claimMarket, requireMarket } from "./storedMarket.ts"

/** What became of the trades of a batch; the three add up to its size. */
export interface Written {
  readonly stored: number
  /** In the database already. */
  readonly duplicate: number
  readonly quarantined: number
}

/** Where trades are kept. */
export class TradeStore extends Context.Service<
  TradeStore,
  {
    /**
     * Commits the trades, each at most once whatever is in the database already. A row that the database refuses is set aside
     * with its reason, and harms no other. After a `StoreError` the whole batch may be written again.
     */
    write(batch: ReadonlyArray<Trade>): Effect.Effect<Written, StoreError | DatabaseUnusable>
    /** The symbols that have rows. */
    readonly symbols: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Whether the database answers, within the timeout. */
    readonly ping: Effect.Effect<void, StoreError>
  }
>()("fulltape/store/TradeStore") {
  /**
   * @param options.timeout bounds every statement.
   * @param options.market whose trades these are: the first write makes the database that market's, or fails as unusable.
   */
  static readonly layer = (options: { readonly timeout: Duration.Duration; readonly market: string }) =>
    Layer.effect(
      TradeStore,
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const inTime = bounded(options.timeout)

        let claimed = false
        const claim = Effect.gen(function* () {
          if (claimed) return
          yield* requireMarket(yield* inTime(claimMarket(sql, options.market)), options.market)
          claimed = true
        })

        const insert = Effect.fnUntraced(function* (trades: ReadonlyArray<Trade>) {
          if (trades.length === 0) return { stored: 0, refusals: [] }
          const startedAt = performance.now()
          const stored = yield* inTime(insertTrades(sql, trades))
          yield* Metric.update(Metrics.insertSeconds, (performance.now() - startedAt) / 1000)
          return { stored, refusals: [] }
        })

        /** Halves until a refused row stands alone: log2(n) extra statements for each. */
        const insertAndIsolate = (trades: ReadonlyArray<Trade>): Effect.Effect<Inserted, StoreError> =>
          Effect.catchIf(insert(trades), refusesRow, ({ detail }) => {
            const [only] = trades
            if (trades.length === 1 && only !== undefined) {
              return Effect.succeed({ stored: 0, refusals: [{ trade: only, reason: detail }] })
            }
            const middle = trades.length >> 1
            return Effect.zipWith(
              insertAndIsolate(trades.slice(0, middle)),
              insertAndIsolate(trades.slice(middle)),
              (a, b) => ({ stored: a.stored + b.stored, refusals: [...a.refusals, ...b.refusals] }),
            )
          })

        const write = Effect.fn("TradeStore.write")(function* (batch: ReadonlyArray<Trade>) {
          yield* claim
          const known = batch.flatMap((trade): ReadonlyArray<Refusal> => {
            const reason = reasonToRefuse(trade)
            return reason === undefined ? [] : [{ trade, reason }]
          })
          const storable = known.length === 0 ? batch : batch.filter((trade) => reasonToRefuse(trade) === undefined)
          const { refusals, stored } = yield* insertAndIsolate(storable)
          const aside = [...known, ...refusals]
          if (aside.length > 0) {
            yield* inTime(quarantine(sql, aside))
            yield* Effect.logWarning(described(aside))
          }
          return { stored, quarantined: aside.length, duplicate: batch.length - stored - aside.length }
        })

        return TradeStore.of({
          write,
          symbols: inTime(sql<{ readonly symbol: string }>`
            WITH RECURSIVE seen AS (
              (SELECT symbol FROM raw_trades ORDER BY symbol LIMIT 1)
              UNION ALL
              SELECT (SELECT symbol FROM raw_trades WHERE symbol > seen.symbol ORDER BY symbol LIMIT 1)
              FROM seen WHERE seen.symbol IS NOT NULL)
            SELECT symbol FROM seen WHERE symbol IS NOT NULL`).pipe(
            Effect.map((rows) => rows.map(({ symbol }) => symbol)),
          ),
          ping: Effect.asVoid(inTime(sql`SELECT 1`)),
        })
      }),
    )
}

interface Inserted {
  readonly stored: number
  readonly refusals: ReadonlyArray<Refusal>
}

const described = ([first, ...more]: ReadonlyArray<Refusal>): string => {
  const others =
    more.length === 0 ? "" : ` So ${more.length === 1 ? "is another" : `are ${more.length} others`} of its batch.`
  return `Trade ${first?.trade.id} of ${first?.trade.symbol} is set aside: ${first?.reason}.${others}`
}

const bounded =
  (timeout: Duration.Duration) =>
  <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>): Effect.Effect<A, StoreError, R> =>
    effect.pipe(
      Effect.mapError((error) => new StoreError(sqlFailure(error))),
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.fail(new StoreError({ code: undefined, detail: "no answer in time (DB_TIMEOUT)" })),
      }),
    )
