import { Clock, Effect, Metric } from "effect"
import type { Trade } from "../market/Trade.ts"
import { TradeStore, type Written } from "../store/TradeStore.ts"
import { measurement } from "../telemetry/Logs.ts"
import { type Latencies, latenciesOf } from "../telemetry/Latencies.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { showNewest } from "../telemetry/newestTrade.ts"
import * as totals from "../telemetry/totals.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { GapRepair } from "./GapRepair.ts"
import { type Lane, lanesOf } from "./lanes.ts"

export interface CommitOptions {
  /** Those whose newest trade is shown. */
  readonly symbols: ReadonlySet<string>
  /** The symbols of which nobody wants what was missed before their first commit; they leave with it. */
  readonly unwanted: Set<string>
}

/**
 * Gives the effect that commits trades of the stream once, wakes repair where they leave a hole, and measures it. Of a large batch a part
 * may be committed when it fails; that part is measured.
 */
export const makeCommit = Effect.fnUntraced(function* ({ symbols, unwanted }: CommitOptions) {
  const store = yield* TradeStore
  const repair = yield* GapRepair
  const everySecond = yield* makeRateLimited("1 second")
  const fromWire = yield* latenciesOf(Metrics.wireToCommitSeconds)
  const fromExchange = yield* latenciesOf(Metrics.exchangeToCommitSeconds)

  const commitLane = Effect.fnUntraced(function* (batch: Lane) {
    const startedAt = performance.now()
    const written = yield* store
      .write(batch, { unwanted: [...unwanted] })
      .pipe(Effect.tapErrorTag("StoreError", () => Metric.update(Metrics.databaseErrors, 1)))
    const committedAt = performance.now()
    if (unwanted.size > 0) for (const { symbol } of batch) unwanted.delete(symbol)
    if (written.opened > 0) yield* repair.wake
    yield* measure(batch, written, committedAt - startedAt)
    const newest = yield* measureTrades(batch, committedAt, fromWire, fromExchange)
    const context = yield* Effect.context()
    for (const { id, symbol, time } of newest)
      if (symbols.has(symbol)) showNewest(symbol, id, time / 1_000_000, context)
    yield* everySecond(
      Effect.gen(function* () {
        yield* Effect.logInfo("Batch processed").pipe(
          Effect.annotateLogs({
            batchSize: batch.length,
            processingTime: Math.round((committedAt - startedAt) * 100) / 100,
            bufferSize: yield* totals.buffered,
          }),
          measurement,
        )
      }),
    )
  })

  return Effect.fnUntraced(function* (batch: ReadonlyArray<Trade>) {
    const [one, other] = lanesOf(batch)
    if (other === undefined) return yield* commitLane(one)
    // The failure of one is no reason to break the other off: what that stores is to be known.
    const exits = yield* Effect.all([Effect.exit(commitLane(one)), Effect.exit(commitLane(other))], { concurrency: 2 })
    for (const exit of exits) yield* exit
  })
})

const measure = Effect.fnUntraced(function* (batch: ReadonlyArray<Trade>, written: Written, millis: number) {
  yield* Metric.update(Metrics.batches, 1)
  yield* Metric.update(Metrics.batchTrades, batch.length)
  yield* Metric.update(Metrics.batchSeconds, millis / 1000)
  yield* Metric.update(Metrics.tradesStored, written.stored)
  yield* Metric.update(Metrics.tradesDuplicate, written.duplicate)
  yield* Metric.update(Metrics.tradesQuarantined, written.quarantined)
})

/** The part that every trade costs something; gives the newest trade of each symbol. */
const measureTrades = Effect.fnUntraced(function* (
  batch: ReadonlyArray<Trade>,
  committedAt: number,
  fromWire: Latencies,
  fromExchange: Latencies,
) {
  const now = (yield* Clock.currentTimeMillis) / 1_000
  const newest = new Map<string, Trade>()
  for (const trade of batch) {
    fromWire.record((committedAt - trade.receivedAt) / 1_000)
    fromExchange.record(now - trade.time / 1_000_000)
    const other = newest.get(trade.symbol)
    if (other === undefined || trade.id > other.id) newest.set(trade.symbol, trade)
  }
  return newest.values()
})
