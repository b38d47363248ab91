import { Effect, Metric } from "effect"
import * as Metrics from "./Metrics.ts"

const count = (counter: Metric.Counter<number>) => Effect.map(Metric.value(counter), (state) => state.count)

/** Trades received and not committed yet, wherever they wait, frames that were not yet read counted as one each. Sets its gauge too. */
export const buffered = Effect.gen(function* () {
  let waiting = 0
  for (const gauge of [Metrics.uncommittedTrades, Metrics.spillTrades, Metrics.waitingFrames])
    waiting += (yield* Metric.value(gauge)).value
  yield* Metric.update(Metrics.bufferedTrades, waiting)
  return waiting
})

/** Everything that went wrong and was survived: failed writes, refused requests, malformed frames, trades set aside. */
export const errors = Effect.gen(function* () {
  return (
    (yield* count(Metrics.databaseErrors)) +
    (yield* count(Metrics.tradesQuarantined)) +
    (yield* count(Metrics.tradesDropped)) +
    (yield* count(Metrics.frames.malformed)) +
    (yield* count(Metrics.frames.refused))
  )
})

const total = Effect.fnUntraced(function* (counters: Readonly<Record<string, Metric.Counter<number>>>) {
  let sum = 0
  for (const counter of Object.values(counters)) sum += yield* count(counter)
  return sum
})

/** Connections to the exchange that were lost, whatever the cause. */
export const reconnections = total(Metrics.reconnects)

/** Frames of every kind. */
export const messages = total(Metrics.frames)
