import { Duration, Effect, Schedule } from "effect"
import type { RestError } from "../feed/RestError.ts"
import { PAGE, TradeHistory } from "../feed/TradeHistory.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { GapLedger } from "../store/GapLedger.ts"
import type { StoreError } from "../store/StoreError.ts"
import { TradeStore } from "../store/TradeStore.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { GapRepair } from "./GapRepair.ts"

/** A question about a silent symbol is asked again at 1 s, 2 s, 4 s … and then every minute, until there is an answer. */
const untilAnswered = Schedule.exponential("1 second").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.minutes(1)))),
)

/**
 * Asks what a symbol traded while nobody listened, and gives how many trades were stored. It may be interrupted at any time.
 * `from`, unless given, is the id after the symbol's high.
 */
export interface Probe {
  readonly once: (symbol: string, from?: number) => Effect.Effect<number, RestError | StoreError | DatabaseUnusable>
  /** Without an answer it asks again, and so it never fails. */
  readonly persistently: (symbol: string, from?: number) => Effect.Effect<number>
  /** Commits the newest trade of the symbol, and records what lies before it as unfillable: nobody wants it. Never fails. */
  readonly skipping: (symbol: string) => Effect.Effect<void>
}

/**
 * A symbol that trades tells by itself what was missed: the first id from the stream that does not follow is a hole in the ledger, and
 * repair fills it. One that is silent is asked for here; what comes is committed like every trade, and nothing to come proves that
 * nothing was missed.
 */
export const makeProbe = Effect.gen(function* () {
  const history = yield* TradeHistory
  const ledger = yield* GapLedger
  const store = yield* TradeStore
  const repair = yield* GapRepair
  const warn = yield* makeRateLimited("10 seconds")

  const once = Effect.fn("catchUp.probe", { root: true })(function* (symbol: string, from?: number) {
    let stored = 0
    for (let asked = from; ; asked = undefined) {
      const high = yield* ledger.high(symbol)
      // Without an origin nothing is promised: the first trade from the stream will be it.
      if (high === undefined) return stored
      const { trades } = yield* history.page(symbol, asked ?? high + 1)
      if (trades.length === 0) return stored
      const written = yield* store.repair(trades)
      stored += written.stored
      if (written.opened > 0) yield* repair.wake
      // Level with the exchange, or the stream is ahead: then what lies between is a gap of the ledger.
      const newest = trades.at(-1)?.id
      if (trades.length < PAGE || (yield* ledger.high(symbol)) !== newest) return stored
    }
  })

  const skip = Effect.fn("catchUp.skip", { root: true })(function* (symbol: string) {
    if ((yield* ledger.high(symbol)) === undefined) return
    const newest = (yield* history.newest(symbol)).at(-1)
    if (newest !== undefined) yield* store.repair([newest], { unwanted: [symbol] })
  })

  const untilTold = <A>(symbol: string, ask: Effect.Effect<A, RestError | StoreError | DatabaseUnusable>) =>
    ask.pipe(
      Effect.tapError((error) =>
        warn(Effect.logWarning(`What ${symbol} traded meanwhile is not known yet: ${error.message}`)),
      ),
      Effect.retry(untilAnswered),
      Effect.orDie,
    )

  const persistently = Effect.fnUntraced(function* (symbol: string, from?: number) {
    const stored = yield* untilTold(symbol, once(symbol, from))
    if (stored > 0) yield* Effect.logInfo(`Caught up with ${symbol}`).pipe(Effect.annotateLogs({ stored }))
    return stored
  })

  const skipping = (symbol: string) => untilTold(symbol, skip(symbol))

  return { once, persistently, skipping } satisfies Probe as Probe
})
