import { Clock, Duration, Effect, Metric, Schedule } from "effect"
import { monotonicMillis } from "../feed/monotonicMillis.ts"
import type { ConnectionStatus } from "../feed/TradeFeed.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import type { Rhythm } from "./Rhythm.ts"

const LOOK = Duration.seconds(1)

/** What the exchange traded a moment ago may still be on its way over the socket. */
const ON_ITS_WAY = Duration.seconds(2)

/** A symbol whose rate is not known is asked about after this long, in ms, and then ever less often. */
const UNFAMILIAR = Duration.toMillis(Duration.minutes(1))

/** Quiet symbols are asked about this often at least, in ms. */
const LEAST_OFTEN = Duration.toMillis(Duration.hours(1))

/** Without an answer of the exchange, only a silence so many times longer than an unusual one counts, and never a short one. */
const TIMES_WITHOUT_EVIDENCE = 3
const LEAST_WITHOUT_EVIDENCE = Duration.toMillis(Duration.minutes(1))

export interface StalledSymbolsOptions {
  readonly connections: Effect.Effect<ReadonlyArray<ConnectionStatus>>
  readonly rhythm: Rhythm
  /** Whether all that came is committed: else the database knows less than was heard, and a question proves nothing. */
  readonly isLevel: Effect.Effect<boolean>
  /** Asks the exchange once what the symbol traded, and tells how many trades nobody had heard. */
  readonly probe: (symbol: string) => Effect.Effect<number, unknown>
  /** Replaces the connection of a symbol. */
  readonly renew: (symbol: string) => Effect.Effect<void>
}

/**
 * Watches for symbols whose stream has stalled although their connection lives. A symbol that is silent for longer than its own rate
 * lets one expect is asked about; when it has traded, its connection is replaced, and when it has not, it is quiet, and left alone for
 * twice as long. Never ends.
 */
export const watchStalledSymbols = ({ connections, isLevel, probe, renew, rhythm }: StalledSymbolsOptions) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    /** ms of silence from which on a symbol that turned out to be quiet is asked about again. */
    const patience = new Map<string, number>()
    const underWay = new Set<string>()
    const every10Seconds = yield* makeRateLimited("10 seconds")

    const replace = Effect.fnUntraced(function* (symbol: string, silence: number, why: string) {
      yield* Metric.update(Metrics.stalledSymbols, 1)
      yield* every10Seconds(
        Effect.logWarning(
          `The stream of ${symbol} has stalled: it is silent for ${Math.round(silence / 1000)} s, ${why}. Its connection is replaced.`,
        ),
      )
      yield* renew(symbol)
    })

    const ask = Effect.fnUntraced(function* (symbol: string, silence: number) {
      const unusual = rhythm.unusual(symbol)
      const asked = monotonicMillis(clock)
      const found = yield* Effect.orElseSucceed(probe(symbol), () => undefined)
      patience.set(symbol, Math.min(silence * 2, silence + LEAST_OFTEN))
      if (found === undefined) {
        const isLong = silence >= LEAST_WITHOUT_EVIDENCE && silence >= TIMES_WITHOUT_EVIDENCE * (unusual ?? Infinity)
        if (isLong) yield* replace(symbol, silence, "and the exchange cannot be asked")
      } else if (found > 0) {
        yield* Effect.sleep(ON_ITS_WAY)
        if (!rhythm.hasTradedSince(symbol, asked)) yield* replace(symbol, silence, "and the exchange has trades of it")
      }
    })

    const judge = Effect.fnUntraced(function* (symbol: string, since: number, now: number) {
      const unusual = rhythm.unusual(symbol) ?? UNFAMILIAR
      const silence = Math.min(rhythm.silence(symbol, now) ?? Infinity, now - since)
      if (silence < unusual) patience.delete(symbol)
      if (underWay.has(symbol) || silence < Math.max(unusual, patience.get(symbol) ?? 0)) return
      underWay.add(symbol)
      yield* ask(symbol, silence).pipe(Effect.ensuring(Effect.sync(() => underWay.delete(symbol))), Effect.forkChild)
    })

    const look = Effect.gen(function* () {
      if (!(yield* isLevel)) return
      const now = monotonicMillis(clock)
      for (const { sinceMonotonic, state, symbols } of yield* connections) {
        if (state !== "connected") continue
        yield* Effect.forEach(symbols, (symbol) => judge(symbol, sinceMonotonic, now), { discard: true })
      }
    })
    return yield* look.pipe(Effect.delay(LOOK), Effect.repeat(Schedule.forever))
  })
