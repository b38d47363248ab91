import { Duration, Effect, Schedule } from "effect"
import { PAGE, TradeHistory } from "../feed/TradeHistory.ts"
import { GapLedger } from "../store/GapLedger.ts"
import { TradeStore } from "../store/TradeStore.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { GapRepair } from "./GapRepair.ts"

/** A question about a silent symbol is asked again at 1 s, 2 s, 4 s … and then every minute, until there is an answer. */
const untilAnswered = Schedule.exponential("1 second").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.minutes(1)))),
)

/**
 * Gives the effect that asks what a symbol traded while nobody listened. A symbol that trades tells by itself: the first id from the
 * stream that does not follow is a hole in the ledger, and repair fills it. One that is silent is asked for here, from the id after
 * its high on; what comes is committed like every trade, and nothing to come proves that nothing was missed. Gives how many trades
 * were stored. It never fails: without an answer it asks again, and may be interrupted at any time.
 */
export const makeProbe = Effect.gen(function* () {
  const history = yield* TradeHistory
  const ledger = yield* GapLedger
  const store = yield* TradeStore
  const repair = yield* GapRepair
  const warn = yield* makeRateLimited("10 seconds")

  return Effect.fn("catchUp.probeSilent")(function* (symbol: string) {
    let stored = 0
    const ask = Effect.gen(function* () {
      for (;;) {
        const high = yield* ledger.high(symbol)
        // Without an origin nothing is promised: the first trade from the stream will be it.
        if (high === undefined) return
        const { trades } = yield* history.page(symbol, high + 1)
        if (trades.length === 0) return
        const written = yield* store.repair(trades)
        stored += written.stored
        if (written.opened > 0) yield* repair.wake
        // Level with the exchange, or the stream is ahead: then what lies between is a gap of the ledger.
        const newest = trades.at(-1)?.id
        if (trades.length < PAGE || (yield* ledger.high(symbol)) !== newest) return
      }
    })
    yield* ask.pipe(
      Effect.tapError((error) =>
        warn(Effect.logWarning(`What ${symbol} traded meanwhile is not known yet: ${error.message}`)),
      ),
      Effect.retry(untilAnswered),
      Effect.orDie,
    )
    if (stored > 0) yield* Effect.logInfo(`Caught up with ${symbol}`).pipe(Effect.annotateLogs({ stored }))
    return stored
  })
})
