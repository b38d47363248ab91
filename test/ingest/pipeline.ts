import { type Cause, Duration, Effect, Layer, Queue, Ref, Stream } from "effect"
import { type ConnectionStatus, type FeedGaveUp, TradeFeed } from "../../src/feed/TradeFeed.ts"
import { TradeHistory } from "../../src/feed/TradeHistory.ts"
import { GapRepair } from "../../src/ingest/GapRepair.ts"
import { Ingest } from "../../src/ingest/Ingest.ts"
import { TradeBus } from "../../src/ingest/TradeBus.ts"
import type { Trade } from "../../src/market/Trade.ts"
import { CandleStore } from "../../src/store/CandleStore.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import type { StoreError } from "../../src/store/StoreError.ts"
import { TradeStore, type Written } from "../../src/store/TradeStore.ts"
import { memorySpill } from "../fixtures/memorySpill.ts"
import { tradeOf } from "../fixtures/trades.ts"

/** Consecutive trades of BTCUSDT. */
export const trades = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => tradeOf(from + index))

interface PipelineOptions {
  readonly symbols?: ReadonlyArray<string>
  readonly catchUp?: boolean
  /** Batches that the disk takes. */
  readonly mostSpilled?: number
  /** Of BTCUSDT in the database; undefined: it has none. */
  readonly high?: number
}

/** The pipeline between a queue of trades and a list of batches, with an exchange that a test may let trade in secret. */
export const pipeline = Effect.fnUntraced(function* ({
  catchUp = true,
  high,
  mostSpilled,
  symbols = ["BTCUSDT"],
}: PipelineOptions = {}) {
  const spill = memorySpill(mostSpilled)
  const input = yield* Queue.unbounded<Trade, FeedGaveUp | Cause.Done>()
  const batches = yield* Ref.make<ReadonlyArray<ReadonlyArray<number>>>([])
  const answer = yield* Ref.make<(ids: ReadonlyArray<number>) => Effect.Effect<void, StoreError>>(() => Effect.void)
  /** What the exchange has that the stream does not bring, what it was asked, and what came of it. */
  const world = {
    connections: [] as ReadonlyArray<ConnectionStatus>,
    secret: [] as ReadonlyArray<Trade>,
    asked: [] as Array<number | "newest">,
    repaired: [] as Array<number>,
    renewed: [] as Array<string>,
    unwanted: [] as Array<ReadonlyArray<string>>,
    begun: [] as Array<string>,
    aside: [] as Array<number>,
    high,
  }
  const written = (stored: number): Written => ({ stored, duplicate: 0, quarantined: 0, opened: 0 })
  const store = Layer.mock(TradeStore, {
    write: (batch, options) =>
      Ref.get(answer).pipe(
        Effect.flatMap((answerTo) => answerTo(batch.map(({ id }) => id))),
        Effect.andThen(Ref.update(batches, (all) => [...all, batch.map(({ id }) => id)])),
        Effect.andThen(Effect.sync(() => world.unwanted.push(options?.unwanted ?? []))),
        Effect.as(written(batch.length)),
      ),
    setAside: (anew) => Effect.sync(() => void world.aside.push(...anew.map(({ id }) => id))),
    repair: (batch) =>
      Effect.sync(() => {
        world.repaired.push(...batch.map(({ id }) => id))
        world.high = Math.max(world.high ?? 0, ...world.repaired)
        return written(batch.length)
      }),
  })
  const feed = Layer.mock(TradeFeed, {
    trades: (_, until) =>
      Stream.fromQueue(input).pipe(Stream.onStart(Effect.forkChild(Effect.andThen(until, Queue.end(input))))),
    connections: Effect.sync(() => world.connections),
    renew: (symbol) => Effect.sync(() => void world.renewed.push(symbol)),
  })
  const history = Layer.mock(TradeHistory, {
    page: (_, from) =>
      Effect.sync(() => {
        world.asked.push(from)
        return { trades: world.secret.filter(({ id }) => id >= from), limitation: undefined }
      }),
    newest: () =>
      Effect.sync(() => {
        world.asked.push("newest")
        return world.secret
      }),
  })
  const ledger = Layer.mock(GapLedger, {
    frontiers: Effect.succeed([]),
    high: () => Effect.sync(() => world.high),
    highs: () =>
      Effect.sync(() => {
        world.begun.push(`${spill.batches.length} batches on disk`)
        return new Map(world.high === undefined ? [] : [["BTCUSDT", world.high]])
      }),
  })
  const candles = Layer.mock(CandleStore, { refresh: Effect.succeed(0) })
  const repair = Layer.mock(GapRepair, { run: Effect.never, wake: Effect.void })
  const options = { symbols, batchSize: 100, batchTimeout: Duration.seconds(1), catchUp, mostMissing: 1e7 }
  const ingest = yield* Layer.build(
    Ingest.layer(options).pipe(
      Layer.provide([store, feed, repair, spill.layer, ledger, history, candles]),
      Layer.provideMerge(TradeBus.layer),
    ),
  )
  const { newest, run, state } = yield* Effect.provide(Ingest, ingest)
  const bus = yield* Effect.provide(TradeBus, ingest)
  return { input, batches: Ref.get(batches), answer, bus, newest, run, spill, state, world }
})
