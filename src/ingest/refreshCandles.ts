import { Effect, Metric, Schedule } from "effect"
import { CandleStore } from "../store/CandleStore.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"

/** How long after a refresh the next one begins: so much are candles behind the trades, and the time that a refresh takes. */
const PAUSE = "1 second"

/** Keeps the candles level with the trades. While the database does not answer they stay behind, and catch up later. Never ends. */
export const refreshCandles = Effect.gen(function* () {
  const candles = yield* CandleStore
  const warn = yield* makeRateLimited("10 seconds")
  const refresh = Effect.gen(function* () {
    const startedAt = performance.now()
    yield* candles.refresh
    yield* Metric.update(Metrics.candleRefreshSeconds, (performance.now() - startedAt) / 1000)
  }).pipe(
    Effect.catch((error) =>
      warn(Effect.logWarning(`The candles are not refreshed, and catch up later: ${error.message}`)),
    ),
  )
  return yield* Effect.repeat(refresh, Schedule.spaced(PAUSE))
})
