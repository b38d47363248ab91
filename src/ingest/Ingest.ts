import { Clock, Context, Deferred, type Duration, Effect, Layer, Option, Stream } from "effect"
import { type FeedGaveUp, TradeFeed } from "../feed/TradeFeed.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { GapLedger } from "../store/GapLedger.ts"
import { makeProbe } from "./catchUp.ts"
import { makeCommit } from "./commit.ts"
import { Continuity } from "./Continuity.ts"
import { drainOnInterrupt } from "./drain.ts"
import { GapRepair } from "./GapRepair.ts"
import { LastTraded, watchSilentSymbols } from "./silentSymbols.ts"
import { watchGaps } from "./watchGaps.ts"

export interface IngestOptions {
  readonly symbols: ReadonlyArray<string>
  readonly batchSize: number
  readonly batchTimeout: Duration.Duration
}

/** The pipeline from the exchange to the database, and the repair of what it missed. */
export class Ingest extends Context.Service<
  Ingest,
  {
    /** Runs until it fails or is interrupted; an interrupt stops the feed, commits the open batch, and only then takes effect. */
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
        const continuity = new Continuity()
        const commit = yield* makeCommit(continuity)
        const probe = yield* makeProbe
        const lastTraded = new LastTraded()
        let running = false

        const storing = Effect.fnUntraced(function* (stop: Effect.Effect<void>) {
          for (const symbol of options.symbols) {
            const high = yield* Effect.orElseSucceed(ledger.high(symbol), () => undefined)
            if (high !== undefined) continuity.begin(symbol, high)
          }
          const gaveUp = yield* Deferred.make<never, FeedGaveUp>()
          yield* feed.trades(options.symbols, stop).pipe(
            // A failed stream would drop the open batch too: it ends here, and fails below.
            Stream.catch((error) => Stream.drain(Stream.fromEffect(Deferred.fail(gaveUp, error)))),
            Stream.groupedWithin(options.batchSize, options.batchTimeout),
            Stream.tap((batch) => Effect.map(Clock.currentTimeMillis, (now) => lastTraded.note(batch, now))),
            Stream.runForEach(commit),
          )
          const failure = yield* Deferred.poll(gaveUp)
          if (Option.isSome(failure)) return yield* failure.value
        })

        const repairing = Effect.all(
          [
            repair.run,
            watchSilentSymbols({ connections: feed.connections, lastTraded, probe }),
            Effect.provideService(watchGaps, GapLedger, ledger),
          ],
          { concurrency: "unbounded", discard: true },
        )

        const run = Effect.suspend(() => {
          running = true
          return drainOnInterrupt((stop) => Effect.raceFirst(storing(stop), repairing))
        }).pipe(Effect.ensuring(Effect.sync(() => (running = false))))
        return Ingest.of({ run, isRunning: Effect.sync(() => running) })
      }),
    )
}
