import { type Context, Effect, Metric } from "effect"

const ignore = () => {}

/** Has a gauge read whenever somebody looks, for as long as the scope is open. */
export const observe = (gauge: Metric.Gauge<number>, read: () => number) =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        Metric.registerUnsafe(gauge, context, { get: () => ({ value: read() }), update: ignore, modify: ignore }),
      ),
      (registration) => Effect.sync(() => registration.remove()),
    ),
  )
