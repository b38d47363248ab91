import { Context, Deferred, type Duration, Effect, Layer, Option, Stream } from "effect"
import { type FeedGaveUp, TradeFeed } from "../feed/TradeFeed.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { makeCommit } from "./commit.ts"
import { drainOnInterrupt } from "./drain.ts"

export interface IngestOptions {
  readonly symbols: ReadonlyArray<string>
  readonly batchSize: number
  readonly batchTimeout: Duration.Duration
}

/** The pipeline from the exchange to the database. */
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
        const commit = yield* makeCommit
        let running = false

        const run = drainOnInterrupt((stop) =>
          Effect.gen(function* () {
            running = true
            const gaveUp = yield* Deferred.make<never, FeedGaveUp>()
            yield* feed.trades(options.symbols, stop).pipe(
              // A failed stream would drop the open batch too: it ends here, and fails below.
              Stream.catch((error) => Stream.drain(Stream.fromEffect(Deferred.fail(gaveUp, error)))),
              Stream.groupedWithin(options.batchSize, options.batchTimeout),
              Stream.runForEach(commit),
            )
            const failure = yield* Deferred.poll(gaveUp)
            if (Option.isSome(failure)) return yield* failure.value
          }),
        ).pipe(Effect.ensuring(Effect.sync(() => (running = false))))
        return Ingest.of({ run, isRunning: Effect.sync(() => running) })
      }),
    )
}
