import { Cause, Clock, Context, Deferred, Duration, Effect, Exit, FiberMap, Layer, Option, Stream } from "effect"
import { type FeedGaveUp, TradeFeed } from "../feed/TradeFeed.ts"
import type { Trade } from "../market/Trade.ts"
import type { CandleStore } from "../store/CandleStore.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { GapLedger } from "../store/GapLedger.ts"
import { TradeStore } from "../store/TradeStore.ts"
import { counted } from "../telemetry/counted.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { admission } from "./admission.ts"
import { makeProbe } from "./catchUp.ts"
import { Continuity, type NewestTrade } from "./Continuity.ts"
import { drainOnInterrupt } from "./drain.ts"
import { GapRepair } from "./GapRepair.ts"
import { makeOutbox } from "./outbox.ts"
import { refreshCandles } from "./refreshCandles.ts"
import { Rhythm } from "./Rhythm.ts"
import { Spill } from "./Spill.ts"
import { watchSilentSymbols } from "./silentSymbols.ts"
import { watchStalledSymbols } from "./stalledSymbols.ts"
import { TradeBus } from "./TradeBus.ts"
import { Uncommitted } from "./Uncommitted.ts"
import { watchGaps } from "./watchGaps.ts"
import { watchUncommitted } from "./watchUncommitted.ts"

export interface IngestOptions {
  readonly symbols: ReadonlyArray<string>
  readonly batchSize: number
  readonly batchTimeout: Duration.Duration
  /** Whether what was missed while the service was stopped is fetched. */
  readonly catchUp: boolean
  /** Ids of one hole that are fetched at most. */
  readonly mostMissing: number
}

/** What the pipeline is doing. */
export interface PipelineState {
  /** `ended`: by itself, and nothing but a new process begins it again. */
  readonly name: "starting" | "running" | "stopping" | "ended"
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** So long the stream waits for trades to be set aside that nobody can store. */
const SET_ASIDE_PATIENCE = Duration.millis(500)

/** Trades that wait for their commit at most, beside those that are being committed and the open batch. */
const MOST_TOGETHER = 5_000

/** A trade that jumped is followed by the next one within this time, unless the symbol is quiet. */
const NEXT_TRADE = Duration.seconds(5)

/** The pipeline from the exchange to the database, and the repair of what it missed. */
export class Ingest extends Context.Service<
  Ingest,
  {
    /**
     * Runs until it fails or is interrupted; an interrupt stops the feed, commits the open batch or puts it on disk, and only then takes
     * effect.
     */
    readonly run: Effect.Effect<void, FeedGaveUp | DatabaseUnusable>
    readonly state: Effect.Effect<PipelineState>
    /** Of each symbol that was heard since the start, the newest trade that was received, committed or not. */
    readonly newest: Effect.Effect<ReadonlyArray<NewestTrade>>
  }
>()("fulltape/ingest/Ingest") {
  static readonly layer = (options: IngestOptions) =>
    Layer.effect(
      Ingest,
      Effect.gen(function* () {
        const feed = yield* TradeFeed
        const repair = yield* GapRepair
        const ledger = yield* GapLedger
        const spill = yield* Spill
        const store = yield* TradeStore
        const bus = yield* TradeBus
        const context = yield* Effect.context<CandleStore | GapLedger | Spill>()
        const uncommitted = new Uncommitted(yield* counted(Metrics.uncommittedTrades))
        const symbols = new Set(options.symbols)
        const unwanted = new Set(options.catchUp ? [] : options.symbols)
        const probe = yield* makeProbe
        /** One question about a symbol at a time: that none is under way twice bounds them. */
        const probes = yield* FiberMap.make<string>()
        const suspects = yield* FiberMap.make<string>()
        const asking = (symbol: string, question: Effect.Effect<unknown>) =>
          Effect.asVoid(FiberMap.run(probes, symbol, question, { onlyIfMissing: true }))
        const outbox = yield* makeOutbox({
          symbols,
          uncommitted,
          unwanted,
          batchTimeout: options.batchTimeout,
          onDropped: (symbols) =>
            Effect.forEach(symbols, (symbol) => asking(symbol, probe.persistently(symbol)), { discard: true }),
        })
        const continuity = new Continuity(options.mostMissing)
        const rhythm = new Rhythm()
        let state: PipelineState = { name: "starting", since: yield* Clock.currentTimeMillis }
        const enter = (name: PipelineState["name"]) =>
          Effect.map(Clock.currentTimeMillis, (since) => {
            if (state.name !== name) state = { name, since }
          })

        /** What a jump was, the next trade tells; of a symbol that stays silent the exchange does. */
        const question = (suspect: Trade) =>
          Effect.suspend(() =>
            continuity.isSuspect(suspect) ? probe.persistently(suspect.symbol, suspect.id) : Effect.void,
          ).pipe(Effect.delay(NEXT_TRADE), (asked) => Effect.asVoid(FiberMap.run(suspects, suspect.symbol, asked)))

        /** Tried once, and not for long: what is numbered anew goes on to come, and the metrics count all of it. */
        const setAside = (anew: ReadonlyArray<Trade>) =>
          store.setAside(anew).pipe(Effect.timeoutOption(SET_ASIDE_PATIENCE), Effect.ignore)

        const start = Effect.gen(function* () {
          // What waits on disk from an earlier run would be taken for what this run missed.
          if (!options.catchUp) yield* outbox.empty
          // Without an answer the stream begins all the same: only a bogus first id would be taken for a true one.
          const highs = yield* Effect.option(ledger.highs(options.symbols))
          if (Option.isSome(highs)) highs.value.forEach((high, symbol) => continuity.begin(symbol, high))
        })

        const storing = Effect.fnUntraced(function* (stop: Effect.Effect<void>) {
          const isStopped = yield* Effect.raceFirst(Effect.as(start, false), Effect.as(stop, true))
          if (isStopped) return
          const gaveUp = yield* Deferred.make<never, FeedGaveUp>()
          yield* feed.trades(options.symbols, stop).pipe(
            // A failed stream would drop the open batch too: it ends here, and fails below.
            Stream.catch((error) => Stream.drain(Stream.fromEffect(Deferred.fail(gaveUp, error)))),
            admission({ continuity, rhythm, uncommitted, question, setAside, publish: bus.publish }),
            Stream.groupedWithin(options.batchSize, options.batchTimeout),
            // The batches that wait while others are committed are committed together.
            Stream.buffer({ capacity: Math.max(1, Math.floor(MOST_TOGETHER / options.batchSize)) }),
            Stream.runForEachArray(outbox.put),
          )
          const failure = yield* Deferred.poll(gaveUp)
          if (Option.isSome(failure)) return yield* failure.value
        })

        const { connections, renew } = feed
        const caughtUp = (symbol: string, isStart: boolean) =>
          isStart && !options.catchUp
            ? Effect.andThen(
                probe.skipping(symbol),
                Effect.sync(() => unwanted.delete(symbol)),
              )
            : probe.persistently(symbol)
        const beside = Effect.all(
          [
            repair.run,
            outbox.run,
            watchSilentSymbols({
              connections,
              rhythm,
              probe: (symbol, isStart) => asking(symbol, caughtUp(symbol, isStart)),
            }),
            watchStalledSymbols({
              connections,
              rhythm,
              renew,
              isLevel: Effect.map(spill.state, ({ trades }) => trades === 0),
              probe: probe.once,
            }),
            watchGaps(symbols),
            watchUncommitted(uncommitted),
            refreshCandles,
          ],
          { concurrency: "unbounded", discard: true },
        ).pipe(Effect.provide(context))

        const stopping = (stop: Effect.Effect<void>) => Effect.andThen(stop, enter("stopping"))
        const run = enter("running").pipe(
          Effect.andThen(
            drainOnInterrupt((stop) =>
              Effect.raceFirst(
                storing(stop),
                Effect.all([beside, stopping(stop)], { concurrency: "unbounded", discard: true }),
              ),
            ),
          ),
          Effect.onExit((exit) => enter(wasAsked(exit) ? "stopping" : "ended")),
        )
        return Ingest.of({
          run,
          state: Effect.sync(() => state),
          newest: Effect.sync(() => continuity.newest),
        })
      }),
    )
}

const wasAsked = (exit: Exit.Exit<unknown, unknown>): boolean => Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)
