import { Clock, Context, Effect, Layer, Semaphore } from "effect"
import { makeRateLimited } from "../../telemetry/rateLimited.ts"

/** Binance allows 300 connection attempts per 5 minutes and address; the rest is for other programs and our REST host's. */
const ATTEMPTS = 250
const WINDOW_MILLIS = 5 * 60 * 1000

/** Connection attempts of the whole process: `take` waits until one more is allowed. */
export class DialBudget extends Context.Service<DialBudget, { readonly take: Effect.Effect<void> }>()(
  "fulltape/feed/binance/DialBudget",
) {
  static readonly layer = Layer.effect(
    DialBudget,
    Effect.gen(function* () {
      const attempts: Array<number> = []
      const turn = yield* Semaphore.make(1)
      const everyMinute = yield* makeRateLimited("1 minute")
      const take = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (attempts.length >= ATTEMPTS) {
          const wait = (attempts.shift() ?? now) + WINDOW_MILLIS - now
          if (wait > 0) {
            yield* everyMinute(Effect.logWarning(`Too many connection attempts: waiting ${Math.ceil(wait / 1000)} s`))
            yield* Effect.sleep(wait)
          }
        }
        attempts.push(yield* Clock.currentTimeMillis)
      }).pipe(turn.withPermits(1))
      return DialBudget.of({ take })
    }),
  )
}
