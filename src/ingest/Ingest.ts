import { Context, Deferred, type Duration, Effect, Layer, Option, Stream } from "effect"
import { type FeedGaveUp, TradeFeed } from "../feed/TradeFeed.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { GapLedger } from "../store/GapLedger.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { admission } from "./admission.ts"
import { makeProbe } from "./catchUp.ts"
import { Continuity } from "./Continuity.ts"
import { drainOnInterrupt } from "./drain.ts"
import { GapRepair } from "./GapRepair.ts"
import { makeOutbox } from "./outbox.ts"
import { Rhythm } from "./Rhythm.ts"
import { Spill } from "./Spill.ts"
import { watchSilentSymbols } from "./silentSymbols.ts"
import { watchStalledSymbols } from "./stalledSymbols.ts"
import { Uncommitted } from "./Uncommitted.ts"
import { untilItAnswers } from "./untilItAnswers.ts"
import { watchGaps } from "./watchGaps.ts"
import { watchUncommitted } from "./watchUncommitted.ts"

export interface IngestOptions {
  readonly symbols: ReadonlyArray<string>
  readonly batchSize: number
  readonly batchTimeout: Duration.Duration
  /** Whether what was missed while the service was stopped is fetched. */
  readonly catchUp: boolean
}

/** The pipeline from the exchange to the database, and the repair of what it missed. */
export class Ingest extends Context.Service<
  Ingest,
  {
    /**
     * Runs until it fails or is interrupted; an interrupt stops the feed, commits the open batch or puts it on disk, and only then takes
     * effect.
     */
    readonly run: Effect.Effect<void, FeedGaveUp | DatabaseUnusable>
    readonly isRunning: Effect.Effect<boolean>
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
        const context = yield* Effect.context<GapLedger | Spill>()
        const uncommitted = new Uncommitted((change) => Metrics.uncommittedTrades.modifyUnsafe(change, context))
        const outbox = yield* makeOutbox(uncommitted, options.batchTimeout)
        const probe = yield* makeProbe
        const continuity = new Continuity()
        const rhythm = new Rhythm()
        let running = false

        const storing = Effect.fnUntraced(function* (stop: Effect.Effect<void>) {
          // What waits on disk from an earlier run would be taken for what this run missed.
          if (!options.catchUp) yield* outbox.empty
          const highs = yield* untilItAnswers(ledger.begin(options.symbols, options.catchUp))
          highs.forEach((high, symbol) => continuity.begin(symbol, high))
          const scope = yield* Effect.scope
          const gaveUp = yield* Deferred.make<never, FeedGaveUp>()
          yield* feed.trades(options.symbols, stop).pipe(
            // A failed stream would drop the open batch too: it ends here, and fails below.
            Stream.catch((error) => Stream.drain(Stream.fromEffect(Deferred.fail(gaveUp, error)))),
            admission({
              continuity,
              rhythm,
              uncommitted,
              question: ({ id, symbol }) => Effect.forkIn(probe.persistently(symbol, id), scope),
            }),
            Stream.groupedWithin(options.batchSize, options.batchTimeout),
            Stream.runForEach(outbox.put),
          )
          const failure = yield* Deferred.poll(gaveUp)
          if (Option.isSome(failure)) return yield* failure.value
        }, Effect.scoped)

        const { connections, renew } = feed
        const beside = Effect.all(
          [
            repair.run,
            outbox.run,
            watchSilentSymbols({ connections, rhythm, probe: probe.persistently, catchUp: options.catchUp }),
            watchStalledSymbols({
              connections,
              rhythm,
              renew,
              isLevel: Effect.map(spill.state, ({ trades }) => trades === 0),
              probe: probe.once,
            }),
            watchGaps,
            watchUncommitted(uncommitted),
          ],
          { concurrency: "unbounded", discard: true },
        ).pipe(Effect.provide(context))

        const run = Effect.suspend(() => {
          running = true
          return drainOnInterrupt((stop) => Effect.raceFirst(storing(stop), beside))
        }).pipe(Effect.ensuring(Effect.sync(() => (running = false))))
        return Ingest.of({ run, isRunning: Effect.sync(() => running) })
      }),
    )
}
