import { Clock, Duration, Effect, Schedule } from "effect"
import type { ConnectionStatus } from "../feed/TradeFeed.ts"
import type { Trade } from "../market/Trade.ts"

/** A symbol that trades shows within this time, by the first id that follows or does not, whether anything was missed. */
const SILENT_FOR = Duration.seconds(30)

const LOOK = Duration.seconds(5)

/** When each symbol last traded, in this process. */
export class LastTraded {
  private readonly millis = new Map<string, number>()

  readonly note = (batch: ReadonlyArray<Trade>, now: number): void => {
    for (const { symbol } of batch) this.millis.set(symbol, now)
  }

  readonly hasTradedSince = (symbol: string, since: number): boolean => {
    const at = this.millis.get(symbol)
    return at !== undefined && at >= since
  }
}

/**
 * After each start and reconnect, asks about the symbols that stay silent, once for each connect. Nobody waits for an answer: one that
 * does not come must not keep the others from being asked. Never ends.
 */
export const watchSilentSymbols = (options: {
  readonly connections: Effect.Effect<ReadonlyArray<ConnectionStatus>>
  readonly lastTraded: LastTraded
  readonly probe: (symbol: string) => Effect.Effect<unknown>
}) =>
  Effect.suspend(() => {
    /** By connection: the moment of the connect whose silent symbols were asked about. */
    const asked = new Map<string, number>()
    return Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const { name, since, state, symbols } of yield* options.connections) {
        const isDue = state === "connected" && now - since >= Duration.toMillis(SILENT_FOR) && asked.get(name) !== since
        if (!isDue) continue
        asked.set(name, since)
        for (const symbol of symbols) {
          if (!options.lastTraded.hasTradedSince(symbol, since)) yield* Effect.forkChild(options.probe(symbol))
        }
      }
    }).pipe(Effect.delay(LOOK), Effect.repeat(Schedule.forever))
  })
