import { Array, Clock, Effect, Metric, Stream } from "effect"
import { monotonicMillis } from "../feed/monotonicMillis.ts"
import type { Trade } from "../market/Trade.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import type { Continuity } from "./Continuity.ts"
import type { Rhythm } from "./Rhythm.ts"
import type { Uncommitted } from "./Uncommitted.ts"

export interface AdmissionOptions {
  readonly continuity: Continuity
  readonly rhythm: Rhythm
  readonly uncommitted: Uncommitted
  /** Told of the trades that are to be committed. */
  readonly publish: (admitted: ReadonlyArray<Trade>) => void
  /** Sets trades aside that the exchange numbers anew. */
  readonly setAside: (anew: ReadonlyArray<Trade>) => Effect.Effect<void>
  /** Asks the exchange about a trade whose id jumped too far to be believed at once. */
  readonly question: (suspect: Trade) => Effect.Effect<void>
}

/** The trades of a stream that are to be committed: each once, and none whose id is bogus or was given out anew. What is left out is counted. */
export const admission =
  ({ continuity, publish, question, rhythm, setAside, uncommitted }: AdmissionOptions) =>
  <E, R>(stream: Stream.Stream<Trade, E, R>): Stream.Stream<Trade, E, R> =>
    Stream.transformPull(stream, (pull) =>
      Effect.gen(function* () {
        const every10Seconds = yield* makeRateLimited("10 seconds")
        const clock = yield* Clock.Clock
        let duplicates = 0
        let bogus = 0

        const tell = Effect.gen(function* () {
          yield* Metric.update(Metrics.tradesDuplicate, continuity.duplicates - duplicates)
          duplicates = continuity.duplicates
          if (continuity.bogus > bogus) {
            yield* Metric.update(Metrics.tradesBogus, continuity.bogus - bogus)
            bogus = continuity.bogus
            yield* every10Seconds(Effect.logWarning("Left out a trade whose id jumped too far to be real"))
          }
          const anew = continuity.takeAnew()
          if (anew.length > 0) yield* setAside(anew)
          yield* Effect.forEach(continuity.takeSuspects(), question, { discard: true })
        })

        return Effect.gen(function* () {
          while (true) {
            const trades = yield* pull
            const admitted = continuity.admit(trades)
            // What came before is no sign of life.
            rhythm.note(admitted, monotonicMillis(clock))
            if (admitted !== trades) yield* tell
            if (Array.isReadonlyArrayNonEmpty(admitted)) {
              uncommitted.add(admitted.length, admitted[0].receivedAt)
              publish(admitted)
              return admitted
            }
          }
        })
      }),
    )
