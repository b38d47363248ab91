import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Context, type Duration, Effect, Layer, Metric, Predicate, Result } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Trade } from "../market/Trade.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { quarantine, refusalOf } from "./Quarantine.ts"
import { refusesRow, sqlFailure } from "./sqlFailure.ts"
import { StoreError } from "./StoreError.ts"

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
     * with its reason, and harms no other. After a failure the whole batch may be written again.
     */
    write(batch: ReadonlyArray<Trade>): Effect.Effect<Written, StoreError>
    /** The symbols that have rows. */
    readonly symbols: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Whether the database answers, within the timeout. */
    readonly ping: Effect.Effect<void, StoreError>
  }
>()("fulltape/store/TradeStore") {
  /** @param options.timeout bounds every statement. */
  static readonly layer = (options: { readonly timeout: Duration.Duration }) =>
    Layer.effect(
      TradeStore,
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient

        const insert: (rows: ReadonlyArray<Trade>) => Effect.Effect<Written, SqlError.SqlError> = Effect.fnUntraced(
          function* (rows) {
            if (rows.length === 0) return nothing
            const startedAt = performance.now()
            const result = yield* insertStatement(sql, rows).raw
            yield* Metric.update(Metrics.insertSeconds, (performance.now() - startedAt) / 1000)
            const stored = Predicate.hasProperty(result, "rowCount") ? Number(result.rowCount) : 0
            return { stored, duplicate: rows.length - stored, quarantined: 0 }
          },
          (effect, rows) =>
            Effect.catchIf(
              effect,
              (error) => refusesRow(sqlFailure(error)),
              (error) => isolate(rows, sqlFailure(error).detail),
            ),
        )

        /** Halves until the refused row stands alone: log2(n) extra statements for each. */
        const isolate = Effect.fnUntraced(function* (rows: ReadonlyArray<Trade>, reason: string) {
          const [only] = rows
          if (rows.length > 1 || only === undefined) {
            const middle = rows.length >> 1
            return add(yield* insert(rows.slice(0, middle)), yield* insert(rows.slice(middle)))
          }
          return yield* setAside(only, reason)
        })

        const setAside = Effect.fnUntraced(function* (trade: Trade, reason: string) {
          yield* quarantine(sql, trade, reason)
          yield* Metric.update(Metrics.tradesQuarantined, 1)
          yield* Effect.logWarning(`Trade ${trade.id} of ${trade.symbol} is set aside: ${reason}`)
          return { stored: 0, duplicate: 0, quarantined: 1 }
        })

        const write = Effect.fn("TradeStore.write")(function* (batch: ReadonlyArray<Trade>) {
          const refused = batch.filter((trade) => refusalOf(trade) !== undefined)
          let written = yield* insert(refused.length === 0 ? batch : batch.filter((trade) => !refused.includes(trade)))
          for (const trade of refused) written = add(written, yield* setAside(trade, refusalOf(trade) ?? ""))
          return written
        }, bounded(options.timeout))

        return TradeStore.of({
          write,
          symbols: sql<{ readonly symbol: string }>`
            WITH RECURSIVE seen AS (
              (SELECT symbol FROM raw_trades ORDER BY symbol LIMIT 1)
              UNION ALL
              SELECT (SELECT symbol FROM raw_trades WHERE symbol > seen.symbol ORDER BY symbol LIMIT 1)
              FROM seen WHERE seen.symbol IS NOT NULL)
            SELECT symbol FROM seen WHERE symbol IS NOT NULL`.pipe(
            Effect.map((rows) => rows.map(({ symbol }) => symbol)),
            bounded(options.timeout),
          ),
          ping: sql`SELECT 1`.pipe(Effect.asVoid, bounded(options.timeout)),
        })
      }),
    )
}

const nothing: Written = { stored: 0, duplicate: 0, quarantined: 0 }

const add = (a: Written, b: Written): Written => ({
  stored: a.stored + b.stored,
  duplicate: a.duplicate + b.duplicate,
  quarantined: a.quarantined + b.quarantined,
})

/** One statement for every batch size: the columns travel as arrays, decimals as the text that they are. */
const insertStatement = (sql: SqlClient.SqlClient, rows: ReadonlyArray<Trade>) => sql`
  INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
  SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price::numeric, quantity::numeric, side, id, buyer, seller
  FROM unnest(
    ${column("int8", rows, (trade) => BigInt(trade.time))},
    ${column("text", rows, (trade) => trade.symbol)},
    ${column("text", rows, (trade) => trade.price)},
    ${column("text", rows, (trade) => trade.quantity)},
    ${column("text", rows, (trade) => trade.side)},
    ${column("int8", rows, (trade) => BigInt(trade.id))},
    ${column("int8", rows, (trade) => nullableId(trade.buyerOrderId))},
    ${column("int8", rows, (trade) => nullableId(trade.sellerOrderId))}
  ) AS batch (time_us, symbol, price, quantity, side, id, buyer, seller)
  ON CONFLICT DO NOTHING`

const column = (type: "int8" | "text", rows: ReadonlyArray<Trade>, value: (trade: Trade) => unknown) =>
  Result.getOrThrow(PgTypes.array(rows.map(value), PgTypes.OID[type]))

const nullableId = (id: number | null) => (id === null ? null : BigInt(id))

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
