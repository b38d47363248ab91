import { Clock, Duration, Effect, Metric, Schedule } from "effect"
import type { ConnectionStatus } from "../feed/TradeFeed.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import type { Rhythm } from "./Rhythm.ts"

const LOOK = Duration.seconds(1)

/** What the exchange traded a moment ago may still be on its way over the socket. */
const ON_ITS_WAY = Duration.seconds(2)

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
  Effect.suspend(() => {
    /** ms of silence from which on a symbol that turned out to be quiet is asked about again. */
    const patience = new Map<string, number>()
    const underWay = new Set<string>()

    const replace = Effect.fnUntraced(function* (symbol: string, silence: number, why: string) {
      patience.set(symbol, silence * 2)
      yield* Metric.update(Metrics.stalledSymbols, 1)
      yield* Effect.logWarning(
        `The stream of ${symbol} has stalled: it is silent for ${Math.round(silence / 1000)} s, ${why}. Its connection is replaced.`,
      )
      yield* renew(symbol)
    })

    const ask = Effect.fnUntraced(function* (symbol: string, silence: number, unusual: number) {
      const asked = yield* Clock.currentTimeMillis
      const found = yield* Effect.orElseSucceed(probe(symbol), () => undefined)
      if (found === undefined) {
        const isLong = silence >= Math.max(TIMES_WITHOUT_EVIDENCE * unusual, LEAST_WITHOUT_EVIDENCE)
        patience.set(symbol, silence * 2)
        return isLong ? yield* replace(symbol, silence, "and the exchange cannot be asked") : undefined
      }
      if (found > 0) {
        yield* Effect.sleep(ON_ITS_WAY)
        if (!rhythm.hasTradedSince(symbol, asked)) yield* replace(symbol, silence, "and the exchange has trades of it")
        return
      }
      patience.set(symbol, silence * 2)
    })

    const judge = Effect.fnUntraced(function* (symbol: string, since: number, now: number) {
      const unusual = rhythm.unusual(symbol)
      const silence = rhythm.silence(symbol, now)
      if (unusual === undefined || silence === undefined || underWay.has(symbol)) return
      if (silence < unusual) patience.delete(symbol)
      if (Math.min(silence, now - since) < Math.max(unusual, patience.get(symbol) ?? 0)) return
      underWay.add(symbol)
      yield* ask(symbol, silence, unusual).pipe(
        Effect.ensuring(Effect.sync(() => underWay.delete(symbol))),
        Effect.forkChild,
      )
    })

    return Effect.gen(function* () {
      if (!(yield* isLevel)) return
      const now = yield* Clock.currentTimeMillis
      for (const { since, state, symbols } of yield* connections) {
        if (state === "connected")
          yield* Effect.forEach(symbols, (symbol) => judge(symbol, since, now), { discard: true })
      }
    }).pipe(Effect.delay(LOOK), Effect.repeat(Schedule.forever))
  })
