import { Context, type Duration, Effect, Layer, Metric } from "effect"
import { SqlClient } from "effect/sql"
import type { Trade } from "../market/Trade.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { bounded } from "./bounded.ts"
import { bySymbol } from "./bySymbol.ts"
import type { DatabaseUnusable } from "./DatabaseUnusable.ts"
import { type Batch, type CommitOptions, commitTrades, type TradeOrigin } from "./commitTrades.ts"
import { quarantine, reasonToRefuse, type Refusal } from "./Quarantine.ts"
import { foundPartitionMade, refusesRow } from "./sqlFailure.ts"
import type { StoreError } from "./StoreError.ts"
import { claimMarket, requireMarket } from "./storedMarket.ts"

/** What became of the trades of a batch; the first three add up to its size. */
export interface Written {
  readonly stored: number
  /** In the database already, or below the symbol's origin. */
  readonly duplicate: number
  /** Set aside: the database refuses them, or the exchange numbers them anew. */
  readonly quarantined: number
  /** Gaps in the ids that the batch left behind, and that are to be filled. */
  readonly opened: number
}

export interface WriteOptions {
  /** The symbols whose hole behind their high is recorded as unfillable, because nobody wants what was missed there. */
  readonly unwanted?: ReadonlyArray<string>
}

/** Where trades are kept. */
export class TradeStore extends Context.Service<
  TradeStore,
  {
    /**
     * Commits the trades, each at most once whatever is in the database already. A row that the database refuses is set aside
     * with its reason, harms no other, and is to be asked for again. After a `StoreError` the whole batch may be written again.
     */
    write(batch: ReadonlyArray<Trade>, options?: WriteOptions): Effect.Effect<Written, StoreError | DatabaseUnusable>
    /** The same for trades that the exchange was asked for, to fill a gap or to catch up: those that are refused are unfillable. */
    repair(batch: ReadonlyArray<Trade>, options?: WriteOptions): Effect.Effect<Written, StoreError | DatabaseUnusable>
    /** Sets trades aside that the exchange numbers anew: their ids are those of others. */
    setAside(anew: ReadonlyArray<Trade>): Effect.Effect<void, StoreError>
    /** The symbols that the ledger knows. */
    readonly symbols: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Whether the database answers, within the timeout. */
    readonly ping: Effect.Effect<void, StoreError>
  }
>()("fulltape/store/TradeStore") {
  /**
   * @param options.timeout bounds every statement.
   * @param options.market whose trades these are: the first write makes the database that market's, or fails as unusable.
   * @param options.mostMissing ids of one hole that are to be filled at most.
   * @param options.onCommitted is told of the newest stored trade of each symbol of a batch, right after every commit of it.
   */
  static readonly layer = (
    options: CommitOptions & {
      readonly timeout: Duration.Duration
      readonly onCommitted?: (newest: Iterable<Trade>) => void
    },
  ) =>
    Layer.effect(
      TradeStore,
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const inTime = bounded(options.timeout)
        const everySecond = yield* makeRateLimited("1 second")
        const every10Seconds = yield* makeRateLimited("10 seconds")

        let claimed = false
        const claim = Effect.gen(function* () {
          if (claimed) return
          yield* requireMarket(yield* inTime(claimMarket(sql, options.market)), options.market)
          claimed = true
        })

        const commit = Effect.fnUntraced(function* (batch: Batch) {
          if (batch.trades.length === 0) return nothing
          const startedAt = performance.now()
          const { opened, regressed, stored } = yield* inTime(commitTrades(sql, options, batch)).pipe(
            Effect.retry({ while: foundPartitionMade, times: 3 }),
          )
          yield* Metric.update(Metrics.insertSeconds, (performance.now() - startedAt) / 1000)
          options.onCommitted?.(newestOf(batch, regressed))
          if (regressed.length > 0) yield* setAnewAside(regressed)
          return { stored, opened, setAside: regressed.length }
        })

        /**
         * Halves until a refused row stands alone, and goes in with its reason: log2(n) extra statements for each. The order stays, so
         * that no half leaves a hole that the other fills.
         */
        const commitAndIsolate = (batch: Batch): Effect.Effect<Part, StoreError> =>
          Effect.catchIf(commit(batch), refusesRow, ({ detail }) => {
            const { trades } = batch
            const [only] = trades
            if (trades.length === 1 && only !== undefined) {
              return Effect.andThen(
                setAside([{ trade: only, reason: detail }]),
                commit({ ...batch, refusals: new Map([[only, detail]]) }),
              ).pipe(Effect.map(({ opened }) => ({ stored: 0, opened, setAside: 1 })))
            }
            const middle = trades.length >> 1
            return Effect.zipWith(
              commitAndIsolate({ ...batch, trades: trades.slice(0, middle) }),
              commitAndIsolate({ ...batch, trades: trades.slice(middle) }),
              sum,
            )
          })

        const setAside = Effect.fnUntraced(function* (refusals: ReadonlyArray<Refusal>) {
          if (refusals.length === 0) return
          yield* inTime(quarantine(sql, refusals))
          yield* everySecond(Effect.logWarning(described(refusals)))
        })

        const setAnewAside = Effect.fnUntraced(function* (anew: ReadonlyArray<Trade>) {
          yield* Metric.update(Metrics.tradesRegressed, anew.length)
          yield* every10Seconds(Effect.logError(numberedAnew(anew)))
          yield* setAside(anew.map((trade) => ({ trade, reason: NUMBERED_ANEW })))
        })

        const write = Effect.fnUntraced(function* (
          origin: TradeOrigin,
          batch: ReadonlyArray<Trade>,
          { unwanted = [] }: WriteOptions = {},
        ) {
          yield* claim
          const trades = bySymbol(batch)
          const refusals = refusalsOf(trades)
          if (refusals.size > 0) yield* setAside([...refusals].map(([trade, reason]) => ({ trade, reason })))
          const { opened, setAside: more, stored } = yield* commitAndIsolate({ origin, trades, refusals, unwanted })
          const quarantined = refusals.size + more
          return { stored, quarantined, duplicate: batch.length - stored - quarantined, opened }
        })

        return TradeStore.of({
          write: Effect.fn("TradeStore.write")((batch, options) => write("stream", batch, options)),
          repair: Effect.fn("TradeStore.repair")((batch, options) =>
            Effect.tap(write("history", batch, options), ({ stored }) => Metric.update(Metrics.tradesRepaired, stored)),
          ),
          setAside: Effect.fn("TradeStore.setAside")(setAnewAside),
          symbols: inTime(sql<{ readonly symbol: string }>`SELECT symbol FROM symbols ORDER BY symbol`).pipe(
            Effect.map((rows) => rows.map(({ symbol }) => symbol)),
          ),
          ping: Effect.asVoid(inTime(sql`SELECT 1`)),
        })
      }),
    )
}

/** What became of a part of a batch. */
interface Part {
  readonly stored: number
  readonly opened: number
  /** Trades that got no row although their ids may have been free. */
  readonly setAside: number
}

const nothing: Part = { stored: 0, opened: 0, setAside: 0 }

const sum = (a: Part, b: Part): Part => ({
  stored: a.stored + b.stored,
  opened: a.opened + b.opened,
  setAside: a.setAside + b.setAside,
})

/** Those of the trades that the table cannot hold, and why. */
const refusalsOf = (trades: ReadonlyArray<Trade>): ReadonlyMap<Trade, string> => {
  const refusals = new Map<Trade, string>()
  for (const trade of trades) {
    const reason = reasonToRefuse(trade)
    if (reason !== undefined) refusals.set(trade, reason)
  }
  return refusals
}

/** Of each symbol the highest id that is stored now; the trades of a symbol are in the order of their ids. */
const newestOf = ({ refusals, trades }: Batch, regressed: ReadonlyArray<Trade>): Iterable<Trade> => {
  const newest = new Map<string, Trade>()
  const anew = new Set(regressed)
  for (const trade of trades) if (refusals?.has(trade) !== true && !anew.has(trade)) newest.set(trade.symbol, trade)
  return newest.values()
}

const NUMBERED_ANEW =
  "later than the newest stored trade, and its id is not above that one's: the exchange numbers anew"

const numberedAnew = (trades: ReadonlyArray<Trade>): string =>
  `Trades of ${[...new Set(trades.map(({ symbol }) => symbol))].join(", ")} are not stored: they are later than those in the database, and their ids are lower, so the exchange numbers its trades anew, as a wiped testnet or another simulated market does. Give it a database of its own.`

const described = ([first, ...more]: ReadonlyArray<Refusal>): string => {
  const others =
    more.length === 0 ? "" : ` So ${more.length === 1 ? "is another" : `are ${more.length} others`} of its batch.`
  return `Trade ${first?.trade.id} of ${first?.trade.symbol} is set aside: ${first?.reason}.${others}`
}
