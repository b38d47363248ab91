import { Effect, Metric } from "effect"

/** Gives what counts a gauge up and down, for what changes so often that to look the gauge up each time would cost more than the rest. */
export const counted = (gauge: Metric.Gauge<number>) =>
  Effect.map(Effect.context<never>(), (context) => {
    let value = 0
    const ignore = () => {}
    Metric.registerUnsafe(gauge, context, { get: () => ({ value }), update: ignore, modify: ignore })
    return (change: number): void => {
      value += change
    }
  })
